// Limits of the upstream client. Deadlines of single requests come with the request (spec 50); these are the
// connections' own.

export interface UpstreamLimits {
  /** Kept connections per instance; the longest idle go first. */
  readonly idleConnectionsMax: number;
  /** Where the app announces nothing: Node's own keep-alive ends after 5 s. */
  readonly idleTimeoutMs: number;
  /** A kept connection is never older than this while idle, whatever the app announces. */
  readonly idleTimeoutMaxMs: number;
  /** What an announced keep-alive is shortened by; at least half of it stays. */
  readonly announcedMarginMs: number;
  /** No kept connection is given up earlier on account of what the app was seen to do. */
  readonly idleTimeoutMinMs: number;
  /**
   * A request that may not be sent twice goes on a kept connection only when that is idle for less, unless the app
   * announced its time-out: it must not race with the app's own close.
   */
  readonly unannouncedIdleMs: number;
  readonly responseHeadBytesMax: number;
  readonly responseFieldsMax: number;
  readonly interimResponsesMax: number;
  /** Octets asked of the kernel at once, per connection. */
  readonly readBufferBytes: number;
  /** HTTP/2 connections per instance; past them requests wait, as long as they would for a connection. */
  readonly sessionsMax: number;
  /** Streams at a time on one of them; fewer where the app says so (RFC 9113 §5.1.2). */
  readonly sessionStreamsMax: number;
  /** Streams in all on one of them; then another follows. Their numbers end at 2^31 (RFC 9113 §5.1.1). */
  readonly sessionRequestsMax: number;
  /** Without a stream for so long: it is ended by us. */
  readonly sessionIdleMs: number;
  /** With streams open and not a frame from the app: it is asked for one. gRPC servers end who asks more often than every 5 minutes. */
  readonly pingAfterMs: number;
  /** For its answer. */
  readonly pingTimeoutMs: number;
  /** What an app may send ahead on a stream that is not read; it is all that is held of one. */
  readonly streamWindowBytes: number;
  /** Of a request body: kept until the response begins, so that a refused stream can be repeated. */
  readonly repeatableBodyBytesMax: number;
  /** How often a request is sent again that the app has not looked at. */
  readonly refusedRepeatsMax: number;
}

export const defaultUpstreamLimits: UpstreamLimits = Object.freeze({
  idleConnectionsMax: 256,
  idleTimeoutMs: 4_000,
  idleTimeoutMaxMs: 60_000,
  announcedMarginMs: 1_000,
  idleTimeoutMinMs: 200,
  unannouncedIdleMs: 500,
  responseHeadBytesMax: 64 * 1024,
  responseFieldsMax: 256,
  interimResponsesMax: 16,
  readBufferBytes: 64 * 1024,
  sessionsMax: 256,
  sessionStreamsMax: 128,
  sessionRequestsMax: 1_000_000,
  sessionIdleMs: 60_000,
  pingAfterMs: 310_000,
  pingTimeoutMs: 60_000,
  streamWindowBytes: 128 * 1024,
  repeatableBodyBytesMax: 64 * 1024,
  refusedRepeatsMax: 2,
});
