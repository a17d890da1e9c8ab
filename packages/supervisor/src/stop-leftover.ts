// Stops what is left of an instance whose daemon died, known only by its record. Used at boot; never touches a
// process that merely got the same number.
import type { ProcessIdentity } from './instance.types.ts';
import { isAlive } from './process-identity.ts';
import { limits } from './limits.ts';
import { removeFifos } from './output-fifos.ts';
import { Termination, type TerminationResult } from './termination.ts';
import { sleep } from './timing.ts';

export interface LeftoverRecord {
  readonly identity: ProcessIdentity;
  /** The instance's id: finds children that outlived the first process, by TAKO_INSTANCE in their environment. */
  readonly instanceId: string;
  /** Its FIFOs are removed; null when there is no directory to clean. */
  readonly runDir: string | null;
}

async function watchUntilDead(identity: ProcessIdentity, signal: AbortSignal): Promise<void> {
  while (isAlive(identity) && !signal.aborted) await sleep(limits.groupPollMs, signal);
}

/** SIGTERM, `graceMs` later SIGKILL, to the group, the session and all that carries the instance's mark. */
export async function stopLeftover(record: LeftoverRecord, graceMs: number): Promise<TerminationResult> {
  const done = new AbortController();
  const termination = new Termination({
    mark: {
      leader: record.identity,
      environmentEntry: `TAKO_INSTANCE=${record.instanceId}`,
      trustGroupNumber: false,
    },
    whenLeaderEnded: watchUntilDead(record.identity, done.signal),
    graceMs,
  });
  try {
    return await termination.whenGone;
  } finally {
    done.abort();
    if (record.runDir !== null) await removeFifos(record.runDir);
  }
}
