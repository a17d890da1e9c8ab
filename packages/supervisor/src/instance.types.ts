// The handle of one supervised process and what it tells its owner.
import type { InstanceSpec } from './instance-spec.ts';

/** One pure table of moves (instance-state.ts) with one owner. */
export type InstanceState = 'starting' | 'ready' | 'healthy' | 'unhealthy' | 'draining' | 'stopped';

/** Survives pid reuse and reboots: proc(5) stat field 22 and /proc/sys/kernel/random/boot_id. */
export interface ProcessIdentity {
  readonly pid: number;
  readonly startTimeTicks: number;
  readonly bootId: string;
}

export interface ExitOutcome {
  /** null when unknown (adopted) or ended by a signal. */
  readonly exitCode: number | null;
  readonly signal: string | null;
  /** We asked for it (stop) or it happened. */
  readonly expected: boolean;
  /** One sentence: `exited with code 1`, `killed: 5 probes in a row failed (no answer within 2000 ms)`. */
  readonly reason: string;
}

export interface ProbeResult {
  readonly at: number;
  readonly ok: boolean;
  readonly url: string;
  readonly status: number | null;
  readonly firstBytes: string | null;
  readonly error: {
    readonly kind: 'timeout' | 'refused' | 'reset' | 'redirect' | 'status' | 'token' | 'protocol';
    readonly message: string;
  } | null;
}

export interface OutputLine {
  readonly at: number;
  /** `tako`: said by the supervisor, such as the count of lines dropped in a flood. */
  readonly stream: 'stdout' | 'stderr' | 'tako';
  readonly text: string;
}

export type InstanceEvent =
  | { readonly type: 'spawned'; readonly identity: ProcessIdentity }
  | {
      readonly type: 'stateChanged';
      readonly from: InstanceState;
      readonly to: InstanceState;
      readonly reason: string;
    }
  /** Out of rotation by time-outs alone (spec 40: better slow than 503). */
  | {
      readonly type: 'probed';
      readonly result: ProbeResult;
      readonly failuresInARow: number;
      readonly timeoutsOnly: boolean;
    }
  | { readonly type: 'exited'; readonly outcome: ExitOutcome };

export interface InstanceHooks {
  readonly onEvent: (event: InstanceEvent) => void;
  /** Never blocks; called for each complete line. */
  readonly onOutput: (line: OutputLine) => void;
}

/** Why a start failed; the shape of `FailureEvidence` in @tako/protocol is filled from it. */
export interface StartFailure {
  readonly phase: 'spawn' | 'readiness' | 'health' | 'stability';
  readonly reason: string;
  readonly outcome: ExitOutcome | null;
  readonly probe: ProbeResult | null;
  /** Where the process listens, when not where it should. */
  readonly listening: string | null;
  readonly lastLines: readonly string[];
}

export type StartResult =
  { readonly kind: 'healthy' } | { readonly kind: 'failed'; readonly failure: StartFailure };

/** Begun lines of both streams, opaque (base64 of bytes, at most 64 KiB each): whoever reads on puts them in front. */
export interface PartialLines {
  readonly stdout: string;
  readonly stderr: string;
}

export interface Instance {
  readonly spec: InstanceSpec;
  readonly state: InstanceState;
  readonly identity: ProcessIdentity | null;
  /** Known from readiness on. */
  readonly port: number | null;
  readonly lastProbe: ProbeResult | null;
  readonly startedAt: number;
  /** Resolves once: healthy the first time, or failed to get there. Never rejects. */
  readonly whenStarted: Promise<StartResult>;
  /** Resolves once, when all of its processes are gone and their output was read. Never rejects. */
  readonly whenExited: Promise<ExitOutcome>;
  /** Stays healthy that long, counted from now; resolves to the failure otherwise, also when called off by the signal. */
  stable(durationMs: number, signal: AbortSignal): Promise<StartResult>;
  /** A worker saw it refuse or reset: probe at once (coalesced). */
  suspect(reason: string): void;
  /** Out of rotation for good: no more probes; its exit is still noticed at once. */
  retire(reason: string): void;
  /** SIGTERM to the group, `graceMs` later SIGKILL. Idempotent: the shorter grace wins. */
  stop(reason: string, graceMs?: number): Promise<ExitOutcome>;
  memoryBytes(): Promise<number | null>;
  /**
   * Lets go of it for another supervisor (`adoptInstance`, in this process or another): no probe, no reading, no event
   * any more; the process and its FIFOs stay as they are. `identity` is null afterwards when there was nothing to hand
   * over yet (a spawn called off). `whenExited` then stays open for ever, and `stop` rejects.
   */
  detach(): Promise<PartialLines>;
}
