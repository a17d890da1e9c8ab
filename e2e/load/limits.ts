// Deadlines and bounds of the generator.

/** A small request, from connect to the last byte. Above the server's own 30 s waits. */
export const REQUEST_TIMEOUT_MS = 60_000;

/** An upload, download, WebSocket or event stream that has shown no life for this long has failed. */
export const SILENCE_MS = 60_000;

/** After stop(): what is still under way then has failed. */
export const STOP_TIMEOUT_MS = 120_000;

/** Failures told in full; all are counted. */
export const FAILURES_DESCRIBED_MAX = 50;

/** A client whose connection was refused or cut waits this long, so that a dead server is not hammered. */
export const PAUSE_AFTER_FAILURE_MS = 50;
