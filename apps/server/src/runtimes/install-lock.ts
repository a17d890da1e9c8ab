// One install of a version at a time, between processes. A dead holder's lock is taken over.
import { rm } from 'node:fs/promises';
import { lockFile, ownIdentity } from '../boot/lock-file.ts';
import { pause } from '../timing.ts';
import { runtimeLimits } from './limits.ts';

/** Rejects with the signal's reason when it aborts before the lock is had. */
export async function takeInstallLock(lock: string, signal: AbortSignal): Promise<AsyncDisposable> {
  const own = ownIdentity();
  while ((await lockFile(lock, own)) !== null) {
    await pause(runtimeLimits.lockPollMs, signal);
    signal.throwIfAborted();
  }
  return { [Symbol.asyncDispose]: () => rm(lock, { force: true }) };
}
