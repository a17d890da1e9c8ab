// What a running command has at hand: the process, the output, Ctrl-C, the root of its tasks. Made once per process.
import type { Output } from '../output/output.ts';
import type { Task } from '../output/task.ts';
import type { ProcessEnvironment } from '../process-environment.ts';
import type { Interruption } from './interruption.ts';

export interface CliContext {
  readonly environment: ProcessEnvironment;
  readonly output: Output;
  readonly task: Task;
  readonly interruption: Interruption;
  readonly version: string;
  /** Called on an exit that cannot wait: ssh and its sockets must not stay. */
  onLeave(cleanUp: () => void): () => void;
  /** For results that are printed in full and still tell of a failure: `status` of an unreachable server. */
  setExitCode(code: number): void;
  /** Ends with the signal's reason when it aborts. */
  readStdin(signal: AbortSignal): AsyncIterable<Uint8Array>;
}
