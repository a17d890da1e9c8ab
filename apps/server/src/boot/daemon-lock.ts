// One daemon per run directory and per data directory: `daemon.json` names the living one by its identity. Of many that
// start at once where a dead one's is left, exactly one gets it.
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { TakoError } from '@tako/config';
import type { ProcessIdentity } from '@tako/supervisor';
import { namesIn } from '../files/durable-file.ts';
import { lockFile, ownIdentity } from './lock-file.ts';

const fileName = 'daemon.json';
const claimName = /^daemon\.json(?:\.[0-9a-f]{16})+$/;

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
  const own = ownIdentity();
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
