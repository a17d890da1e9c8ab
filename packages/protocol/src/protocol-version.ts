// The number both ends compare, and the names of the headers. Knows no message.

/** Raised with every change that an older client or server would misunderstand. Additive changes keep it. */
export const PROTOCOL_VERSION = 1;

/** Lower-case, as node:http gives them. Stable in every protocol version, since a mismatch is told through them. */
export const headerNames = Object.freeze({
  /** Both ways: the protocol number, decimal. */
  protocol: 'tako-protocol',
  /** Request: who calls, percent-encoded UTF-8; a statement for the audit, no authentication. */
  caller: 'tako-caller',
  /** Answer to HEAD, which has no body: the error as percent-encoded JSON. */
  error: 'tako-error',
  /** PUT: where the body starts. HEAD: bytes that the server has. Decimal. */
  uploadOffset: 'upload-offset',
  /** PUT: size of the whole artifact. Decimal. */
  uploadLength: 'upload-length',
  /** HEAD: `?1` when the artifact is there whole and verified, else `?0` (RFC 9651 §3.3.6). */
  uploadComplete: 'upload-complete',
});
