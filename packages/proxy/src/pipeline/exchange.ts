// The interface of a lane: one request and its response, however they are carried. Policy reads it and answers
// through it. Knows nothing of sockets, parsers or header objects.
import type { HeaderEdits } from '../headers/header-edits.ts';
import type { ConnectionMemory } from './connection-memory.ts';
import type { ServedCertificate } from '../tls/served-certificate.ts';
import type {
  RawHeaders,
  UpstreamBody,
  UpstreamCall,
  UpstreamClient,
  UpstreamListener,
  UpstreamResponseHead,
  UpstreamTarget,
} from '../upstream/upstream.types.ts';

export type LaneName = 'general' | 'fast' | 'http2';
export type Protocol = 'HTTP/1.0' | 'HTTP/1.1' | 'HTTP/2';

/** What is true for every request of one connection; made once when it is accepted. */
export interface ConnectionFacts {
  readonly lane: LaneName;
  /** IPv4-mapped addresses are given as IPv4; `unix` for a Unix socket. Behind a PROXY header: whom that names. */
  readonly peerAddress: string;
  readonly peerPort: number;
  readonly localPort: number;
  readonly peerTrusted: boolean;
  readonly tls: boolean;
  /** The client's own connection is encrypted: to us, or to the front whose PROXY header says so. */
  readonly secure: boolean;
  /** Such a connection knows no reset. */
  readonly isUnixSocket: boolean;
  /** Lower-case name of the ClientHello; null without one. */
  readonly sni: string | null;
  readonly certificate: ServedCertificate | null;
  /** Accepted while the server was cordoned: told to come back later. */
  readonly cordoned: boolean;
  /** Policy's own notes. */
  readonly memory: ConnectionMemory;
}

/** A whole answer of our own. */
export interface Reply {
  readonly status: number;
  /** Without Content-Length and Connection: the lane writes those. */
  readonly headers: RawHeaders;
  readonly body: string;
  /** The connection ends with it (framing in doubt, body unread, overload). */
  readonly close: boolean;
}

/** Size of the head, for the head limits; octets as received. */
export interface HeadSize {
  readonly fields: number;
  readonly longestLineBytes: number;
  readonly totalBytes: number;
}

/** Receives the request body once `readBody` was called. */
export interface BodyReader {
  /** The bytes are valid during the call only, unless an upstream call took them. */
  readonly data: (chunk: Buffer) => void;
  readonly end: (trailers: RawHeaders) => void;
}

/** `finished`: the last byte was handed over. `aborted`: the client went away first, or `reset` was called. */
export type ExchangeEnd = 'finished' | 'aborted';

export interface ExchangeWatcher {
  /** `write` may go on. */
  readonly drain: () => void;
  /** Exactly once, last. */
  readonly closed: (end: ExchangeEnd) => void;
  /** The client sent nothing of a due body for too long, or too slowly. Nothing was answered yet by the lane. */
  readonly bodyStalled: () => void;
  /** The body's framing broke in the middle: the request can be answered with 400 at most. */
  readonly bodyMalformed: (reason: string) => void;
}

export type TunnelFailureKind = 'refused' | 'connectTimeout' | 'headTimeout' | 'reset';

export interface TunnelListener {
  /** The app's answer was passed on: 101 (bytes flow now) or its refusal. */
  readonly answered: (status: number) => void;
  /** Nothing was sent to the client; after `refused` or `connectTimeout` another instance may be tried. */
  readonly failed: (kind: TunnelFailureKind, cause: Error) => void;
}

export interface TunnelRequest {
  readonly target: UpstreamTarget;
  readonly edits: HeaderEdits;
  /** For the head of the app's answer. */
  readonly responseEdits: (headers: RawHeaders) => HeaderEdits;
  readonly connectTimeoutMs: number;
  readonly headTimeoutMs: number;
  /** 0 = none. */
  readonly idleTimeoutMs: number;
}

export interface Tunnel {
  /** WebSocket: close frame 1001 to both sides at a frame boundary, then the connections end. */
  readonly endPolitely: () => void;
  readonly cut: () => void;
}

/** The request on its way to an instance. */
export interface ForwardInput {
  readonly upstream: UpstreamClient;
  readonly target: UpstreamTarget;
  readonly edits: HeaderEdits;
  readonly replayable: boolean;
  readonly connectTimeoutMs: number;
  readonly headTimeoutMs: number;
  readonly bodyIdleTimeoutMs: number;
  /** As in `UpstreamRequest`: the client, too, sends when it wants to. */
  readonly isConversation: boolean;
  /** `data` is told only where the lane does not pass the response's body on itself. */
  readonly listener: UpstreamListener;
}

export interface Exchange {
  readonly connection: ConnectionFacts;
  readonly protocol: Protocol;
  readonly method: string;
  /** Origin form or `*`, raw; a lane reduces absolute form to it. */
  readonly target: string;
  /** The target's path, where the lane knows that it is what `readRequestPath` would find; null: find out. */
  readonly plainPath: string | null;
  /** `:authority`, or the authority of absolute form, or Host; null when there was none. */
  readonly authority: string | null;
  /** How many Host fields came (HTTP/1.1 wants exactly one, RFC 9112 §3.2). */
  readonly hostFields: number;
  readonly body: UpstreamBody;
  /** `websocket` where the client asks for it validly; null otherwise. */
  readonly upgrade: 'websocket' | null;

  /** What the lane found that policy must not let pass; answered first of all. */
  readonly refusal: { readonly kind: 'malformed' | 'expectationFailed'; readonly reason: string } | null;

  /** By lower-case name; repeated fields joined with `, ` (RFC 9110 §5.3); undefined when absent. */
  readonly header: (name: string) => string | undefined;
  readonly headSize: () => HeadSize;
  /** The list for the upstream, edits applied, framing fields left out: the lane's own way of making it. */
  readonly upstreamHeaders: (edits: HeaderEdits) => RawHeaders;

  /** Sends the request to an instance in the lane's own way; the response comes back through the listener. */
  readonly forward: (input: ForwardInput) => UpstreamCall;

  /** From here on the watcher is told how the exchange goes. Once, before anything else. */
  readonly watch: (watcher: ExchangeWatcher) => void;

  /** Starts the body (after `100 Continue` where the client waits for it); once. Until then it stays with the client. */
  readonly readBody: (reader: BodyReader) => void;
  readonly pauseBody: () => void;
  readonly resumeBody: () => void;

  readonly reply: (reply: Reply) => void;
  readonly informational: (status: number, headers: RawHeaders) => void;
  readonly head: (head: UpstreamResponseHead, edits: HeaderEdits) => void;
  /** The bytes are copied where they outlive the call. False: wait for `drain`. */
  readonly write: (chunk: Buffer) => boolean;
  readonly end: (trailers: RawHeaders) => void;
  /** Cuts the exchange so that the client notices (a reset, a missing last chunk). Idempotent. */
  readonly reset: () => void;
  /** Only where `upgrade` is not null. */
  readonly openTunnel: (request: TunnelRequest, listener: TunnelListener) => Tunnel;

  /** Body octets so far, both ways, for the log. */
  readonly bytesIn: () => number;
  readonly bytesOut: () => number;
}
