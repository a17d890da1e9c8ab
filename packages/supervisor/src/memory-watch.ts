// Enforces the memory limit by measuring: resident bytes of the process and its descendants, once a second. Why not
// RLIMIT_AS or RLIMIT_DATA: Node reserves 1.2 GB of address space and 570 MB of data when idle, Bun ten times that,
// so any useful limit would stop them at the start (measured; docs/decisions/0011). cgroups need DelegateSubgroup=.
import type { ProcessIdentity } from './instance.types.ts';
import { limits } from './limits.ts';
import { residentBytesOfTree } from './process-members.ts';
import { sleep } from './timing.ts';

export interface MemoryWatchOptions {
  readonly identity: ProcessIdentity;
  readonly bytesMax: number;
  /** Called once, with one sentence. */
  readonly onExceeded: (reason: string) => void;
  readonly signal: AbortSignal;
}

const mebibytes = (bytes: number): number => Math.round(bytes / 1_048_576);

/** Ends with the first excess or the signal. Never rejects. */
export async function watchMemory({
  identity,
  bytesMax,
  onExceeded,
  signal,
}: MemoryWatchOptions): Promise<void> {
  while (!signal.aborted) {
    const bytes = residentBytesOfTree(identity);
    if (bytes !== null && bytes > bytesMax) {
      onExceeded(
        `was killed: it used ${mebibytes(bytes)} MiB of memory, its limit is ${mebibytes(bytesMax)} MiB`,
      );
      return;
    }
    await sleep(limits.memoryPollMs, signal);
  }
}
