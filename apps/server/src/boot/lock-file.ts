// A file that names the process that holds it, by its identity. Of many that want it where a dead one's is left, exactly one
// gets it.
import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { TakoError } from '@tako/config';
import { isAlive, identifyProcess } from '@tako/supervisor';
import type { ProcessIdentity } from '@tako/supervisor';
import { createWholeFile, readTextIfThere } from '../files/durable-file.ts';
import { parseIdentity } from './identity-file.ts';

/** The right to remove a lock file that a dead process left, for as long as it has that very text. */
export function claimOn(file: string, text: string): string {
  return `${file}.${createHash('sha256').update(text).digest('hex').slice(0, 16)}`;
}

/** Who this process is, as its lock files say it. */
export function ownIdentity(): ProcessIdentity {
  const own = identifyProcess(process.pid);
  if (own === null) throw new TakoError('INTERNAL', 'cannot read /proc/self/stat: is /proc mounted?');
  return own;
}

/**
 * Creates the file exclusively. Resolves to null, or to the living process that has it or is about to. A dead one's file
 * is removed only by whoever holds the claim on it, itself a lock file of this kind: who removed what it had read a
 * moment ago could hit the file of a process that was quicker. No text comes twice, since no process does.
 */
export async function lockFile(file: string, own: ProcessIdentity): Promise<ProcessIdentity | null> {
  for (;;) {
    // Whole from the first moment: half of one would look like nobody's, and be taken away.
    if (await createWholeFile(file, JSON.stringify(own), 0o644)) return null;
    const text = await readTextIfThere(file);
    if (text === null) continue;
    const holder = parseIdentity(text);
    if (holder !== null && isAlive(holder)) return holder;
    const claim = claimOn(file, text);
    const claimant = await lockFile(claim, own);
    if (claimant !== null) return claimant;
    if ((await readTextIfThere(file)) === text) await rm(file, { force: true });
    await rm(claim, { force: true });
  }
}
