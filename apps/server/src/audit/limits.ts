// Every bound of the audit log. How many rows are kept is the store's.

export const auditLimits = Object.freeze({
  callerCharsMax: 200,
  detailCharsMax: 500,
});
