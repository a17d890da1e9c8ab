// What the control process and a proxy worker say to one another. Plain JSON values, one per line on the
// worker's socket; the same objects go by reference when the data plane runs inside the control process.
// Durations, never absolute times, cross the line: the two clocks are one, but the rule keeps replays honest.

/** `healthy` takes traffic; `suspect` (only time-outs so far) takes it when nobody is healthy; `draining` takes no new request. */
export type InstanceRotation = 'healthy' | 'suspect' | 'draining';

export interface InstanceView {
  readonly id: string;
  readonly version: string;
  readonly host: string;
  readonly port: number;
  readonly rotation: InstanceRotation;
  /** What it speaks; of the instance, since a rollout may change it. Absent: HTTP/1.1. */
  readonly protocol?: 'http1' | 'h2c';
}

/** Policy of one deployment as the data plane applies it, in request order (spec 50). */
export interface DeploymentPolicy {
  readonly httpsRedirect: boolean;
  readonly hsts: boolean;
  /** 413 above it, counted while the body streams. */
  readonly bodyBytesMax: number;
  /** 429 above it: requests in flight per client address, per server. */
  readonly requestsPerClientMax: number;
  /** Idle limit of WebSockets and event streams; 0 = none. */
  readonly streamIdleMs: number;
  readonly affinity: 'off' | 'cookie';
}

/** `serving`: instances are wanted. `onDemand`: none runs, a request wakes one. `stopped`: 503 at once. */
export type DeploymentTraffic =
  | { readonly kind: 'serving' }
  | { readonly kind: 'onDemand' }
  | { readonly kind: 'stopped' }
  | { readonly kind: 'paused'; readonly maxMs: number }
  | { readonly kind: 'maintenance' };

/** The unit of change: a delta replaces whole deployments, routes included. */
export interface DeploymentView {
  readonly id: string;
  readonly app: string;
  readonly version: string | null;
  /** As in tako.toml; parsed with @tako/config's `parseRoute`. */
  readonly routes: readonly string[];
  readonly policy: DeploymentPolicy;
  readonly traffic: DeploymentTraffic;
  readonly instances: readonly InstanceView[];
}

export interface CertificateView {
  /** Lower-case DNS names, wildcards as `*.example.com`. */
  readonly names: readonly string[];
  /** PEM, leaf first, full chain. */
  readonly certificate: string;
  readonly privateKey: string;
  /** The one served to unknown names. */
  readonly isDefault: boolean;
}

export interface ChallengeView {
  readonly host: string;
  readonly challenge: string;
  readonly keyAuthorization: string;
}

/** TLS-ALPN-01 (RFC 8737): what a handshake with `acme-tls/1` for that host is answered with. */
export interface AlpnChallengeView {
  readonly host: string;
  /** PEM, self-signed, with the `acmeIdentifier` extension. */
  readonly certificate: string;
  readonly privateKey: string;
}

export interface Snapshot {
  readonly version: number;
  readonly deployments: readonly DeploymentView[];
  readonly certificates: readonly CertificateView[];
  readonly challenges: readonly ChallengeView[];
  /** None when absent. */
  readonly alpnChallenges?: readonly AlpnChallengeView[];
  /** Base64 of 48 random octets, the same for all workers: sessions then resume at any of them. Absent: each its own. */
  readonly ticketKeys?: string;
  /** Those before, whose tickets are still taken. None when absent. */
  readonly previousTicketKeys?: string;
}

/** Applies to snapshot `base` only; a worker that holds another version asks for a whole one (`resync`). */
export interface Delta {
  readonly base: number;
  readonly version: number;
  readonly deployments: readonly DeploymentView[];
  readonly removed: readonly string[];
  /** Whole new lists, when they changed. */
  readonly certificates?: readonly CertificateView[];
  readonly challenges?: readonly ChallengeView[];
  readonly alpnChallenges?: readonly AlpnChallengeView[];
  /** As in the snapshot; absent: unchanged, and so are those before. */
  readonly ticketKeys?: string;
  readonly previousTicketKeys?: string;
}

export type ControlMessage =
  | { readonly type: 'snapshot'; readonly snapshot: Snapshot }
  | { readonly type: 'delta'; readonly delta: Delta }
  /** Finish what is in flight on an instance; at the deadline end streams properly, then cut. Sent after the delta that marks it `draining`. */
  | { readonly type: 'drain'; readonly instance: string; readonly deadlineMs: number }
  | { readonly type: 'lameDuck'; readonly lameDuckMs: number; readonly drainMs: number }
  | { readonly type: 'wakeFailed'; readonly deploymentId: string; readonly reason: string }
  | { readonly type: 'cordon'; readonly on: boolean }
  | { readonly type: 'reopenAccessLog' }
  | { readonly type: 'ping'; readonly nonce: number };

export interface DeploymentActivity {
  readonly deploymentId: string;
  /** Requests, upgraded connections and streams under way, held ones included. */
  readonly inFlight: number;
  /** Requests ended since the worker started. */
  readonly ended: number;
  /** How long ago the last one ended; null = none yet. */
  readonly sinceLastEndedMs: number | null;
  readonly inFlightByInstance: Readonly<Record<string, number>>;
}

/** How many durations fell into each bucket (not cumulative; the last one is beyond all bounds), and their sum. */
export interface HistogramCounts {
  readonly buckets: readonly number[];
  readonly sumMs: number;
}

/** Totals of one deployment since the plane started. */
export interface DeploymentMetrics {
  /** Empty for requests that belong to none. */
  readonly deploymentId: string;
  /** By status; `other` beyond a bounded number of different ones. 499: the client went away first. */
  readonly requests: Readonly<Record<string, number>>;
  /** Of requests that have an end of their own: WebSockets and event streams are left out. */
  readonly duration: HistogramCounts;
  /** From dialling to the response head. */
  readonly upstream: HistogramCounts;
}

/** Totals since the plane started. */
export interface PlaneCounters {
  readonly connectionsAccepted: number;
  readonly connectionsRefused: number;
  readonly handshakesFull: number;
  readonly handshakesResumed: number;
  readonly handshakesFailed: number;
  readonly proxyHeadersRefused: number;
  readonly accessLogDropped: number;
}

export interface PlaneGauges {
  readonly connectionsOpen: number;
  readonly connectionsParked: number;
}

export interface PlaneMetricsReport {
  readonly counters: PlaneCounters;
  readonly gauges: PlaneGauges;
  /** Those that changed since the last report; all of them after a snapshot. */
  readonly deployments: readonly DeploymentMetrics[];
}

export type PassiveFailure = 'refused' | 'reset' | 'timeout';

export type WorkerMessage =
  | { readonly type: 'ready'; readonly pid: number; readonly version: number }
  | { readonly type: 'acknowledged'; readonly version: number }
  | { readonly type: 'resync'; readonly have: number }
  | { readonly type: 'wake'; readonly deploymentId: string }
  | {
      readonly type: 'drained';
      readonly instance: string;
      readonly endedStreams: number;
      readonly cutConnections: number;
    }
  | { readonly type: 'failed'; readonly instance: string; readonly reason: PassiveFailure }
  | { readonly type: 'activity'; readonly activity: readonly DeploymentActivity[] }
  | { readonly type: 'metrics'; readonly metrics: PlaneMetricsReport }
  | { readonly type: 'pong'; readonly nonce: number };
