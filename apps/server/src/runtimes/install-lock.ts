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

/** null: nobody holds it any more. It comes and goes whole, by a rename. */
async function readOwner(lock: string): Promise<ProcessIdentity | null> {
  try {
    return ownerSchema.parse(JSON.parse(await readFile(path.join(lock, 'owner.json'), 'utf8')));
  } catch {
    return null;
  }
}

const besides = (lock: string): string => `${lock}.${randomBytes(6).toString('hex')}`;

/** A rename onto a directory that has something in it fails: of two that try, one gets it (rename(2), ENOTEMPTY). */
async function tryLock(lock: string): Promise<boolean> {
  const own = identifyProcess(process.pid);
  const candidate = besides(lock);
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

/** Out of its place in one step: one that is emptied where it stands could be taken by another, and then be emptied too. */
async function remove(lock: string): Promise<void> {
  const aside = besides(lock);
  try {
    await rename(lock, aside);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return;
    throw error;
  }
  await rm(aside, { recursive: true, force: true });
}

/**
 * Of several who see the same dead owner one removes its lock: who made the claim that is named after it. Without one, the
 * second would remove what somebody has taken since. A claim whose maker died is swept away like any left-over.
 */
async function removeDead(lock: string): Promise<void> {
  const owner = await readOwner(lock);
  if (owner === null || isAlive(owner)) return;
  const claim = `${lock}.dead-${owner.pid}-${owner.startTimeTicks}`;
  try {
    await mkdir(claim);
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return;
    throw error;
  }
  try {
    const now = await readOwner(lock);
    if (now?.pid === owner.pid && now.startTimeTicks === owner.startTimeTicks) await remove(lock);
  } finally {
    await rm(claim, { recursive: true, force: true });
  }
}

/** Rejects with the signal's reason when it aborts before the lock is had. */
export async function takeInstallLock(lock: string, signal: AbortSignal): Promise<AsyncDisposable> {
  while (!(await tryLock(lock))) {
    await removeDead(lock);
    await pause(runtimeLimits.lockPollMs, signal);
    signal.throwIfAborted();
  }
  return { [Symbol.asyncDispose]: () => remove(lock) };
}
