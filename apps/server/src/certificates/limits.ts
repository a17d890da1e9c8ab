// Every bound of the certificate files.

export const certificateLimits = Object.freeze({
  customMax: 1_000,
  /** Obtained from CAs, those of deleted apps included; 1,000 apps with a wildcard and a name each, twice over. */
  issuedMax: 5_000,
  /** A year: nobody trusts it anyway, and a renewal costs nothing. */
  selfSignedLifetimeMs: 365 * 24 * 3_600_000,
  /** Nobody looks at the dates of a challenge's certificate; it lives for minutes. */
  alpnLifetimeMs: 24 * 3_600_000,
  selfSignedRenewBeforeMs: 30 * 24 * 3_600_000,
  /** notBefore of a certificate made just now on a machine whose clock is ahead. */
  clockSkewMs: 5 * 60_000,
  /** A given certificate that ends so soon is somebody's business. */
  expiringSoonMs: 14 * 24 * 3_600_000,
  createTimeoutMs: 30_000,
});
