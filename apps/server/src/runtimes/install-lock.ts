// One install of a version at a time, between processes: a directory that its holder's identity lies in. A dead
// holder's lock is taken over.
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { type ProcessIdentity, identifyProcess, isAlive } from '@tako/supervisor';
import { z } from 'zod';
import { createFile, errorCode } from '../files/durable-file.ts';
import { pause } from '../timing.ts';
import { runtimeLimits } from './limits.ts';

const ownerSchema = z.object({ pid: z.number(), startTimeTicks: z.number(), bootId: z.string() });

async function readOwner(lock: string): Promise<ProcessIdentity | null> {
  try {
    return ownerSchema.parse(JSON.parse(await readFile(path.join(lock, 'owner.json'), 'utf8')));
  } catch {
    // Released just now, or cut short by a power loss: in both cases nobody holds it.
    return null;
  }
}

/** A rename onto a directory that has something in it fails: of two that try, one gets it (rename(2), ENOTEMPTY). */
async function tryLock(lock: string): Promise<boolean> {
  const own = identifyProcess(process.pid);
  const candidate = `${lock}.${randomBytes(6).toString('hex')}`;
  await mkdir(candidate);
  await createFile(path.join(candidate, 'owner.json'), JSON.stringify(own), 0o644);
  try {
    await rename(candidate, lock);
    return true;
  } catch (error) {
    await rm(candidate, { recursive: true, force: true });
    if (errorCode(error) === 'ENOTEMPTY' || errorCode(error) === 'EEXIST') return false;
    throw error;
  }
}

async function removeDead(lock: string): Promise<void> {
  const owner = await readOwner(lock);
  if (owner !== null && isAlive(owner)) return;
  // Out of the way by a rename, so that of two who see the same dead owner one moves it and the other finds nothing.
  const aside = `${lock}.${randomBytes(6).toString('hex')}`;
  try {
    await rename(lock, aside);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return;
    throw error;
  }
  await rm(aside, { recursive: true, force: true });
}

/** Rejects with the signal's reason when it aborts before the lock is had. */
export async function takeInstallLock(lock: string, signal: AbortSignal): Promise<AsyncDisposable> {
  while (!(await tryLock(lock))) {
    await removeDead(lock);
    await pause(runtimeLimits.lockPollMs, signal);
    signal.throwIfAborted();
  }
  return { [Symbol.asyncDispose]: () => rm(lock, { recursive: true, force: true }) };
}
