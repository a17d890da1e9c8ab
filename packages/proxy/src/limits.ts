// Every limit, deadline and size of the data plane in one place (spec 50). Per server where noted: those are
// divided among the workers. Knows no code that enforces them.

export interface Limits {
  /** Octets of the request line or of one field line. 431 past it. */
  readonly headLineBytesMax: number;
  /** Octets of a whole request head. 431 past it. */
  readonly headBytesMax: number;
  /** Fields of a request head. 431 past it. */
  readonly headFieldsMax: number;
  /** From the first moment a head is due (accept, or its first octet on a kept connection) to its end. 408 past it. */
  readonly headTimeoutMs: number;
  /** Without an octet of a due body, either way. */
  readonly bodyIdleTimeoutMs: number;
  /** A request body slower than this, over `bodyRateWindowMs` in which we were ready to read, is refused with 408. */
  readonly bodyBytesPerSecondMin: number;
  readonly bodyRateWindowMs: number;
  readonly connectTimeoutMs: number;
  readonly responseHeadTimeoutMs: number;
  /** For a PROXY protocol header where one is due, and the most octets of one (the protocol allows 65,551). */
  readonly proxyHeaderTimeoutMs: number;
  readonly proxyHeaderBytesMax: number;
  /** Refused headers are said in the log at most so often, with their number. */
  readonly proxyRefusalsLogIntervalMs: number;
  readonly tlsHandshakeTimeoutMs: number;
  /** Handshakes under way (per server), and those that wait for one (per server). */
  readonly tlsHandshakesMax: number;
  readonly tlsHandshakesQueuedMax: number;
  /** TLS contexts kept (per worker), some 30 KB each: those of the names that were asked for last. */
  readonly tlsContextsMax: number;
  readonly keepAliveTimeoutMs: number;
  readonly requestsPerConnectionMax: number;
  /** Connections in excess of --max-connections that wait for a place (per server), and for how long. */
  readonly parkedConnectionsMax: number;
  readonly parkedTimeoutMs: number;
  /** Requests waiting for a healthy instance, per deployment (per worker), and for how long. 503 past it. */
  readonly waitingRequestsMax: number;
  readonly waitingTimeoutMs: number;
  /**
   * Requests waiting for a cold start, per deployment (per worker); 503 past it, 504 at the time-out. Not divided:
   * the kernel does not spread connections evenly, and a share would refuse some long before the server has as many.
   * What they hold in memory is divided.
   */
  readonly wakingRequestsMax: number;
  readonly wakingBodyBytesMax: number;
  readonly wakingTimeoutMs: number;
  /** What one held request body is counted as at most: a lane holds no more of it in memory. */
  readonly heldBodyBytesMax: number;
  /** A refused instance is passed over for so long while others can serve. */
  readonly refusedRestMs: number;
  /** Passive failures of one instance are reported at most so often. */
  readonly passiveReportIntervalMs: number;
  /** Instances tried for one request before it fails. */
  readonly connectAttemptsMax: number;
  /** `Retry-After` of 503 and 429, in seconds. */
  readonly retryAfterSeconds: number;
  readonly activityIntervalMs: number;
  /** Metrics are told to the control process at most so often. */
  readonly metricsIntervalMs: number;
  /** After a stream was told to end: the peers' time to agree. */
  readonly politeEndMs: number;
  /**
   * A client that ended its side still gets the answer to what it asked, if that goes on within so long; after that
   * it counts as gone (a client that left altogether looks the same).
   */
  readonly halfClosedMs: number;
  /** A closed connection goes on reading (and discarding) for so long, so that the last answer is not lost to a reset. */
  readonly lingerMs: number;
  readonly lingerBytesMax: number;
  /** Access-log bytes held in memory; lines past it are dropped and counted. */
  readonly accessLogBufferBytesMax: number;
  readonly accessLogFlushMs: number;
  /** Longest path (or other client-made text) in a log line. */
  readonly accessLogTextMax: number;
  readonly requestIdCharsMax: number;
  /** Streams open at a time on one HTTP/2 connection; announced (RFC 9113 §6.5.2). */
  readonly http2StreamsMax: number;
  /** Octets of a field section with 32 per field (RFC 9113 §6.5.2, §10.5.1); announced. Past it the stream is reset. */
  readonly http2FieldSectionBytesMax: number;
  /** What a stream may send before its body is asked for; no more than `heldBodyBytesMax`. */
  readonly http2StreamWindowBytes: number;
  /** Streams that a client may reset at once, and then per second; past it GOAWAY (CVE-2023-44487). */
  readonly http2ResetsBurst: number;
  readonly http2ResetsPerSecond: number;
  /** PING and SETTINGS frames of a client at once, then per second, beyond those that its traffic explains. */
  readonly http2ControlFramesBurst: number;
  readonly http2ControlFramesPerSecond: number;
  /** DATA frames without data and without an end, per connection (CVE-2019-9518). */
  readonly http2EmptyFramesMax: number;
}

export const defaultLimits: Limits = Object.freeze({
  headLineBytesMax: 16 * 1024,
  headBytesMax: 64 * 1024,
  headFieldsMax: 100,
  headTimeoutMs: 30_000,
  bodyIdleTimeoutMs: 60_000,
  bodyBytesPerSecondMin: 240,
  bodyRateWindowMs: 10_000,
  connectTimeoutMs: 5_000,
  responseHeadTimeoutMs: 60_000,
  proxyHeaderTimeoutMs: 5_000,
  proxyHeaderBytesMax: 16 * 1024,
  proxyRefusalsLogIntervalMs: 60_000,
  tlsHandshakeTimeoutMs: 10_000,
  tlsHandshakesMax: 1_024,
  tlsHandshakesQueuedMax: 8_192,
  tlsContextsMax: 1_000,
  keepAliveTimeoutMs: 75_000,
  requestsPerConnectionMax: 10_000,
  parkedConnectionsMax: 4_096,
  parkedTimeoutMs: 10_000,
  waitingRequestsMax: 1_000,
  waitingTimeoutMs: 5_000,
  wakingRequestsMax: 1_000,
  wakingBodyBytesMax: 64 * 1024 * 1024,
  wakingTimeoutMs: 30_000,
  heldBodyBytesMax: 64 * 1024,
  refusedRestMs: 500,
  passiveReportIntervalMs: 100,
  connectAttemptsMax: 5,
  retryAfterSeconds: 1,
  activityIntervalMs: 250,
  metricsIntervalMs: 1_000,
  politeEndMs: 1_000,
  halfClosedMs: 1_000,
  lingerMs: 2_000,
  lingerBytesMax: 1024 * 1024,
  accessLogBufferBytesMax: 4 * 1024 * 1024,
  accessLogFlushMs: 200,
  accessLogTextMax: 2_048,
  requestIdCharsMax: 128,
  http2StreamsMax: 128,
  http2FieldSectionBytesMax: 64 * 1024,
  http2StreamWindowBytes: 64 * 1024,
  http2ResetsBurst: 300,
  http2ResetsPerSecond: 33,
  http2ControlFramesBurst: 1_000,
  http2ControlFramesPerSecond: 100,
  http2EmptyFramesMax: 1_000,
});

const perServer = [
  'parkedConnectionsMax',
  'tlsHandshakesMax',
  'tlsHandshakesQueuedMax',
  'wakingBodyBytesMax',
] as const satisfies readonly (keyof Limits)[];

/** One worker's share: what holds per server is divided, rounded up, never below 1. */
export function shareLimits(limits: Limits, workers: number): Limits {
  const shared: Partial<Record<keyof Limits, number>> = {};
  for (const name of perServer) shared[name] = shareOf(limits[name], workers);
  return Object.freeze({ ...limits, ...shared });
}

export const shareOf = (total: number, workers: number): number =>
  Math.max(1, Math.ceil(total / Math.max(1, workers)));
