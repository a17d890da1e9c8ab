// Every bound that preflight checks (spec 30, step 3).

export const preflightLimits = Object.freeze({
  freeBytesMin: 256 * 1024 * 1024,
  freeInodesMin: 10_000,
  /** As for the upload: so many times the artifact's size must be free. */
  freeSpaceFactor: 3,
});
