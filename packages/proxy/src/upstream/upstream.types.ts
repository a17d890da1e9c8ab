// The interface between lanes and the upstream client: one call per request, pushed events, explicit
// back-pressure. Knows nothing of routes, policy or of what the client downstream speaks.

/** What an app speaks on its port: HTTP/1.1, or HTTP/2 in clear text by prior knowledge (RFC 9113 §3.3). */
export type UpstreamProtocol = 'http1' | 'h2c';

/** One app process as it is dialled. */
export interface UpstreamTarget {
  readonly id: string;
  readonly host: string;
  readonly port: number;
  readonly protocol: UpstreamProtocol;
}

/** Names and values in turn, as received: `[name, value, name, value, …]`. */
export type RawHeaders = readonly string[];

/** Framing is the client's own (RFC 9112 §6): the caller says how long the body is, never how it is framed. */
export type UpstreamBody =
  | { readonly kind: 'none' }
  | { readonly kind: 'sized'; readonly bytes: number }
  | { readonly kind: 'chunked' };

export interface UpstreamRequest {
  readonly method: string;
  /** Origin form (or `*`), raw as the downstream sent it. */
  readonly target: string;
  /** End-to-end fields with Host; no Connection, Content-Length, Transfer-Encoding, Expect: the client writes those. */
  readonly headers: RawHeaders;
  readonly body: UpstreamBody;
  /** May be sent again, once, on a fresh connection, when a *reused* one died before a byte came back (RFC 9110 §9.2.2). Only with body `none`. What an HTTP/2 app says it has not looked at is sent again whatever this says. */
  readonly replayable: boolean;
  readonly connectTimeoutMs: number;
  readonly headTimeoutMs: number;
  /** No byte either way for so long while a body is due; 0 = no limit. May be changed by `setIdleTimeout` (event streams). */
  readonly bodyIdleTimeoutMs: number;
  /**
   * Either side speaks when it wants to, from the beginning (gRPC): `bodyIdleTimeoutMs` counts what moves either way,
   * and no head is due. Absent: no. An HTTP/1.1 app is asked as ever.
   */
  readonly isConversation?: boolean;
}

export interface UpstreamResponseHead {
  readonly status: number;
  readonly statusMessage: string;
  /** All fields as received, framing and hop-by-hop ones included: policy removes them. */
  readonly headers: RawHeaders;
  /** What follows: `none` (HEAD, 204, 304), a known length, or bytes until `end`. */
  readonly body: UpstreamBody;
  /** By lower-case name, repeated fields joined with `, `; cheaper than a search in `headers`. Valid while the head is told. */
  readonly field: (name: string) => string | undefined;
}

export type UpstreamFailureKind =
  /** No connection came about; not a byte was sent: another instance may be tried. */
  | 'refused'
  | 'connectTimeout'
  /** The connection ended before the response did. */
  | 'reset'
  | 'headTimeout'
  | 'idleTimeout'
  /** What came back is not HTTP that we pass on. */
  | 'malformed'
  | 'aborted';

export interface UpstreamFailure {
  readonly kind: UpstreamFailureKind;
  /** A final response head had been given to the listener. */
  readonly headReceived: boolean;
  /** Died on a connection that had served before (and was not, or could not be, retried). */
  readonly reusedConnection: boolean;
  readonly cause?: Error | undefined;
}

/** Never called synchronously from `request()`. Exactly one of `end` and `fail` comes last; nothing after it, nothing after `abort()`. */
export interface UpstreamListener {
  /** The connection stands (HTTP/2: and has room for a stream) and the request body may flow; once, before any other event, only where a body is due. Before it, `refused` and `connectTimeout` have consumed nothing of the body. */
  readonly ready: () => void;
  /** 1xx other than 101; 100 only when the app sent it. */
  readonly informational: (status: number, headers: RawHeaders) => void;
  readonly head: (head: UpstreamResponseHead) => void;
  /** The bytes are valid only during the call: copy what you keep. */
  readonly data: (chunk: Buffer) => void;
  readonly end: (trailers: RawHeaders) => void;
  readonly fail: (failure: UpstreamFailure) => void;
  /** `write` may go on. */
  readonly drain: () => void;
}

export interface UpstreamCall {
  /** Request body bytes; the client may hold them until written. False: wait for `drain`. Ignored after the response ended early. */
  readonly write: (chunk: Buffer) => boolean;
  readonly end: (trailers?: RawHeaders) => void;
  /** Stop and go on reading the response. */
  readonly pause: () => void;
  readonly resume: () => void;
  readonly setIdleTimeout: (milliseconds: number) => void;
  /** Gives up: the connection is destroyed, or the stream reset; no further event. Idempotent. */
  readonly abort: () => void;
}

export interface UpstreamClient {
  readonly request: (
    target: UpstreamTarget,
    request: UpstreamRequest,
    listener: UpstreamListener,
  ) => UpstreamCall;
  /** The instance is gone or drains: closes its idle connections at once, busy ones after their response. */
  readonly forget: (instanceId: string) => void;
  readonly inspect: () => { readonly idle: number; readonly busy: number };
  /** Closes everything, busy ones too. */
  readonly close: () => void;
}
