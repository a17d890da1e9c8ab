// One daemon per run directory and per data directory: `daemon.json` names the living one by its identity. Of many that
// start at once where a dead one's is left, exactly one gets it.
import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { TakoError } from '@tako/config';
import { isAlive, identifyProcess } from '@tako/supervisor';
import type { ProcessIdentity } from '@tako/supervisor';
import { createWholeFile, namesIn, readTextIfThere } from '../files/durable-file.ts';
import { parseIdentity } from './identity-file.ts';

const fileName = 'daemon.json';
const claimName = /^daemon\.json(?:\.[0-9a-f]{16})+$/;

/** The right to remove a lock file that a dead process left, for as long as it has that very text. */
export function claimOn(file: string, text: string): string {
  return `${file}.${createHash('sha256').update(text).digest('hex').slice(0, 16)}`;
}

/**
 * Creates the file exclusively. Resolves to null, or to the living process that has it or is about to. A dead one's file
 * is removed only by whoever holds the claim on it, itself a lock file of this kind: who removed what it had read a
 * moment ago could hit the file of a process that was quicker. No text comes twice, since no process does.
 */
async function lockFile(file: string, own: ProcessIdentity): Promise<ProcessIdentity | null> {
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

async function lockDirectory(directory: string, own: ProcessIdentity): Promise<string> {
  const file = path.join(directory, fileName);
  const holder = await lockFile(file, own);
  if (holder !== null) {
    throw new TakoError(
      'SERVER_ALREADY_RUNNING',
      `tako-server ${holder.pid} already runs with ${directory}`,
      {
        hint: 'stop it, or give this one another --socket and --data-dir',
        details: { directory, pid: holder.pid },
      },
    );
  }
  // Of processes that died over them. While this one lives, a claim on another's file is the right to nothing.
  for (const name of await namesIn(directory))
    if (claimName.test(name)) await rm(path.join(directory, name), { force: true });
  return file;
}

/** Locks each directory; releases them at disposal (idempotent). Throws SERVER_ALREADY_RUNNING. */
export async function lockDaemon(directories: readonly string[]): Promise<AsyncDisposable> {
  const own = identifyProcess(process.pid);
  if (own === null) throw new TakoError('INTERNAL', 'cannot read /proc/self/stat: is /proc mounted?');
  const files: string[] = [];
  const release = async (): Promise<void> => {
    // A second time they would be the next daemon's.
    await Promise.all(files.splice(0).map((file) => rm(file, { force: true })));
  };
  try {
    for (const directory of new Set(directories)) files.push(await lockDirectory(directory, own));
  } catch (error) {
    await release();
    throw error;
  }
  return { [Symbol.asyncDispose]: release };
}
