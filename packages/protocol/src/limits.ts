// Every limit and deadline of the management protocol, named once. Units last. Tests sit at each limit and past it.

const protocolValues = {
  /** A call's JSON body: the largest are a manifest (16 MiB, config) and a set of secrets (1 MiB, escaped up to sixfold). */
  requestBytesMax: 20 * 1024 * 1024,
  /** From the end of the head to the end of a call's body. */
  requestBodyTimeoutMs: 30_000,
  /** Calls and uploads in progress over one handler; a log follower counts as one. */
  callsInFlightMax: 256,
  /** 4 GiB, as much as a release may unpack to (spec 30). */
  artifactBytesMax: 4 * 1024 ** 3,
  /** An upload that sends nothing for so long has ended; what came is kept. */
  uploadIdleTimeoutMs: 60_000,
  /** After an early answer to an upload, for the client to read it before the connection is cut. */
  uploadLingerMs: 2_000,
  /** The stated caller, as kept for the audit. */
  callerCharsMax: 200,
  /** Error text and details on the wire; longer ones are cut. */
  errorTextCharsMax: 16 * 1024,
  errorDetailsCharsMax: 64 * 1024,
  /** Problems of one input that are named; the rest is counted. */
  inputIssuesMax: 20,
  /** A quiet stream sends a blank so often. Well below `streamSilenceMaxMs` and the idle time-outs of NAT and ssh. */
  pingIntervalMs: 10_000,
  /** All values of one set of secrets together: they travel in one message and to one file descriptor. */
  secretsTotalCharsMax: 1024 * 1024,
};
export type ProtocolLimits = { readonly [Name in keyof typeof protocolValues]: number };
export const protocolLimits: ProtocolLimits = Object.freeze(protocolValues);

export const clientLimits = Object.freeze({
  /** From `connect` to the server's identity. */
  connectTimeoutMs: 10_000,
  /** From a call to its answer, or to the opening of its stream. */
  answerTimeoutMs: 60_000,
  /** A server that is there pings every 10 s; one that is silent for so long is gone. */
  streamSilenceMaxMs: 45_000,
  /** Events received and not yet taken by the reader; beyond it the socket is no longer read (plus one chunk). */
  streamBufferBytesMax: 256 * 1024,
  /** An answer that is no stream. */
  answerBytesMax: 64 * 1024 * 1024,
  /** Idle connections kept for the next call, and for how long. The server keeps its end longer. */
  idleConnectionsMax: 8,
  idleConnectionTimeoutMs: 4_000,
  /** Attempts in a row that bring an upload no byte further. */
  uploadAttemptsMax: 5,
  uploadRetryFirstMs: 200,
  uploadRetryMaxMs: 5_000,
  /** What is sent before the server's word is waited for (piece-size.ts): between these, and for about so long. */
  uploadPieceMinBytes: 128 * 1024,
  uploadPieceMaxBytes: 16 * 1024 * 1024,
  uploadPieceMs: 2_000,
  /** The server hashes the whole artifact before it answers the last byte. */
  uploadAnswerTimeoutMs: 300_000,
  /** Between two tries to get a lock that somebody else holds. */
  lockRetryMs: 1_000,
  /** A lock that cannot be released within this time expires by itself. */
  lockReleaseTimeoutMs: 5_000,
});
