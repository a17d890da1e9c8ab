// The public face of the data plane: what it is made with, what it offers, what it tells.
import type { ControlMessage, WorkerMessage } from './control/messages.ts';
import type { Limits } from './limits.ts';
import type { ProxyProtocolMode } from './proxy-protocol/header.ts';
import type { Clock } from './timing/clock.ts';
import type { UpstreamWireClient } from './upstream/index.ts';

/** pino's order: facts, then a fixed sentence. A pino logger fits. */
export interface DataPlaneLog {
  readonly debug: (facts: Readonly<Record<string, unknown>>, sentence: string) => void;
  readonly info: (facts: Readonly<Record<string, unknown>>, sentence: string) => void;
  readonly warn: (facts: Readonly<Record<string, unknown>>, sentence: string) => void;
  readonly error: (facts: Readonly<Record<string, unknown>>, sentence: string) => void;
}

export interface DataPlaneOptions {
  /** Connections served at a time, per server; more are parked, then refused. */
  readonly maxConnections: number;
  /** CIDRs or addresses of peers whose forwarded fields are believed (`unix` for a Unix socket). */
  readonly trustedProxies: readonly string[];
  /** `off`, `stdout`, or a file's path. */
  readonly accessLog: string;
  /** How many workers share the limits of the server; 1 for a data plane inside the control process. */
  readonly workers: number;
  /** Our name in Via. Default `tako`. */
  readonly serverName?: string;
  /** Where HTTPS redirects point. Default: the port of the https listener; without one nothing is redirected. */
  readonly httpsPort?: number;
  /** Which lanes may serve. Default `all`. */
  readonly lanes?: 'all' | 'general';
  /** HTTP/2 in clear by prior knowledge (RFC 9113 §3.3) on the http listeners. Default off. */
  readonly h2c?: boolean;
  /** Whether every connection begins with a PROXY protocol header of a trusted proxy, and of which version. Default off. */
  readonly proxyProtocol?: ProxyProtocolMode;
  readonly limits?: Partial<Limits>;
}

export interface CreateDataPlaneInput {
  readonly send: (message: WorkerMessage) => void;
  readonly options: DataPlaneOptions;
  readonly log: DataPlaneLog;
  readonly clock?: Clock;
  /** Default: the pooled client of this package. */
  readonly upstream?: UpstreamWireClient;
}

export type ListenerKind = 'http' | 'https';

/** An inherited descriptor (owned from here on), a listening handle (`net.Server`, `net.BoundSocket`), or an address. */
export type ListenInput =
  | { readonly kind: ListenerKind; readonly fd: number }
  | { readonly kind: ListenerKind; readonly handle: object }
  | { readonly kind: ListenerKind; readonly port: number; readonly host: string }
  /** A Unix socket: a path, or a name behind a NUL for an abstract one. */
  | { readonly kind: ListenerKind; readonly path: string };

export interface ListenAddress {
  readonly kind: ListenerKind;
  /** `path` for a Unix socket; empty for an inherited one. */
  readonly address: { readonly host: string; readonly port: number } | { readonly path: string };
}

export interface LameDuckInput {
  /** Connections are still answered, with `Connection: close`, and none is accepted. */
  readonly lameDuckMs: number;
  /** From then on: what is in flight may finish; at its end streams are ended properly and the rest is cut. */
  readonly drainMs: number;
}

export interface LameDuckResult {
  readonly endedStreams: number;
  readonly cutConnections: number;
}

export interface DataPlaneCounters {
  readonly version: number;
  readonly connections: {
    readonly open: number;
    readonly parked: number;
    readonly accepted: number;
    readonly refused: number;
  };
  readonly requests: { readonly inFlight: number; readonly waiting: number; readonly clients: number };
  readonly deployments: number;
  readonly hosts: number;
  readonly drains: number;
  readonly upstream: { readonly idle: number; readonly busy: number };
  readonly accessLogDropped: number;
}

export interface DataPlane {
  /** Never throws; what does not fit is answered with `resync`. */
  readonly receive: (message: ControlMessage) => void;
  /** Listening when it resolves. Errors: those of `net.Server.listen` (EADDRINUSE, EACCES, EBADF). */
  readonly listen: (input: ListenInput) => Promise<ListenAddress>;
  /** Also started by a `lameDuck` message. Once: later calls join the first. */
  readonly lameDuck: (input: LameDuckInput) => Promise<LameDuckResult>;
  /** Resolves when a lame duck has ended or `close` was called: the worker may exit. */
  readonly finished: Promise<void>;
  /** Cuts everything and lets go of every resource. Idempotent. */
  readonly close: () => Promise<void>;
  readonly inspect: () => DataPlaneCounters;
}
