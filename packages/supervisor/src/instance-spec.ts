// What the caller must know to have one process run: a value, frozen, without behaviour.

export type Readiness =
  /** A line `TAKO:READY:<port>` on stdout (spec 60). */
  | { readonly kind: 'sdk'; readonly timeoutMs: number }
  /** The app honours PORT; ready when the probe answers. The caller reserved the port. */
  | { readonly kind: 'http'; readonly port: number; readonly timeoutMs: number };

export interface ProbeSpec {
  /** As the app is spoken to by its users' requests: HTTP/1.1, or HTTP/2 in clear text. */
  readonly protocol: 'http1' | 'h2c';
  /** Of an HTTP/2 app also `/grpc.health.v1.Health/Check`: then gRPC's own health protocol is spoken. */
  readonly path: string;
  /** `tako-internal` with the SDK, else the app's first route. */
  readonly hostHeader: string;
  /** Sent as X-Tako-Internal-Token and expected back in the same header; null without the SDK. */
  readonly token: string | null;
  readonly startIntervalMs: number;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** Failures in a row until out of rotation, until killed. */
  readonly unhealthyAfter: number;
  readonly deadAfter: number;
}

export interface RunAs {
  readonly uid: number;
  readonly gid: number;
}

export interface ResourceLimits {
  readonly memoryBytes?: number;
  readonly pids?: number;
  readonly openFiles?: number;
}

export interface InstanceSpec {
  /** Unique for ever: `{deploymentId with @ as -}-{8 hex}`; a directory name. */
  readonly id: string;
  readonly deploymentId: string;
  readonly version: string;
  readonly argv: readonly [string, ...string[]];
  readonly cwd: string;
  /** The complete environment: nothing else is added but PORT and HOST. */
  readonly environment: Readonly<Record<string, string>>;
  /** null: the daemon is not root and cannot switch users. */
  readonly runAs: RunAs | null;
  readonly limits: ResourceLimits;
  readonly readiness: Readiness;
  readonly healthTimeoutMs: number;
  readonly probe: ProbeSpec;
  /** Written to fd 3 as one JSON document, once. */
  readonly payload: {
    readonly v: 1;
    readonly token: string;
    readonly secrets: Readonly<Record<string, string>>;
  };
  /** Holds the FIFOs `stdout` and `stderr`; made by the supervisor, removed after the exit. */
  readonly runDir: string;
  /** From SIGTERM to SIGKILL. */
  readonly stopGraceMs: number;
}
