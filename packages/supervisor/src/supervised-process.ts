// What the supervisor needs of a running process, however it came by it: spawned here (spawn-process.ts) or found
// running after another daemon died (attach-process.ts).
import type { InstanceOutput } from './instance-output.ts';
import type { PartialLines, ProcessIdentity } from './instance.types.ts';

export interface ProcessExit {
  /** Both null when unknown: it was not our child. */
  readonly exitCode: number | null;
  readonly signal: string | null;
}

export interface SupervisedProcess {
  readonly identity: ProcessIdentity;
  /** The first process of the instance ended; children may remain. Never rejects. */
  readonly whenEnded: Promise<ProcessExit>;
  /** Not ours to wait for any more: it may outlive this program. */
  release(): void;
}

/** Where the process comes from: spawned, or found running. Rejects when there is none. */
type ProcessOrigin = (output: InstanceOutput, signal: AbortSignal) => Promise<SupervisedProcess>;

export interface Beginning {
  readonly origin: ProcessOrigin;
  readonly startedAt: number;
  /** Known of an adopted instance. */
  readonly port: number | null;
  readonly partial: PartialLines;
}
