// Takes over a process that another daemon started: its FIFOs are opened again by path, its end is noticed by their
// end and by a look at /proc. Its exit code is unknown: only its parent could have been told.
import type { InstanceOutput } from './instance-output.ts';
import type { ProcessIdentity } from './instance.types.ts';
import { limits } from './limits.ts';
import { isAlive } from './process-identity.ts';
import type { SupervisedProcess } from './supervised-process.ts';
import { sleep } from './timing.ts';

async function watchForEnd(
  identity: ProcessIdentity,
  output: InstanceOutput,
  released: AbortSignal,
): Promise<void> {
  // End-of-file usually means that it is ending right now: look at once instead of at the next tick. It may also have
  // closed its streams and go on, so /proc has the last word.
  const endOfFile = new AbortController();
  void output.whenEnded.then(() => endOfFile.abort());
  const hurried = AbortSignal.any([released, endOfFile.signal]);
  while (isAlive(identity) && !released.aborted) {
    await sleep(limits.adoptedPollMs, endOfFile.signal.aborted ? released : hurried);
  }
}

export interface Attachment {
  readonly identity: ProcessIdentity;
  readonly runDir: string;
  readonly output: InstanceOutput;
}

/** Throws when the process is not there any more, or its FIFOs are not. */
export function attachProcess({ identity, runDir, output }: Attachment): SupervisedProcess {
  if (!isAlive(identity))
    throw new Error(`process ${identity.pid} of another daemon is not running any more`);
  output.attach(runDir);
  const released = new AbortController();
  const whenEnded = watchForEnd(identity, output, released.signal).then(() => ({
    exitCode: null,
    signal: null,
  }));
  return { identity, whenEnded, release: () => released.abort() };
}
