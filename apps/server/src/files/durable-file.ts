// Small files that are either whole or not there, private from their first byte, and still there after a power loss.
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { link, open, readFile, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';

/** `ENOENT`…; undefined when the error has no code. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

export function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** A rename or a new name is durable only once its directory was synced (fsync(2), NOTES). */
export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Makes a new file: never follows a link, never replaces anything (EEXIST). Synced; its directory is not. */
export async function createFile(file: string, content: string | Uint8Array, mode: number): Promise<void> {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  const handle = await open(file, flags, mode);
  try {
    await handle.writeFile(content);
    // What the umask took away; it never adds.
    await handle.chmod(mode);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function temporaryBeside(file: string): string {
  return path.join(path.dirname(file), `.${path.basename(file)}.${randomBytes(6).toString('hex')}.tmp`);
}

/** Two sweeps of others may each take a temporary file away; more than a few are no accident. */
const linkTriesMax = 5;

/**
 * Makes a new file that has its whole content from the moment it has its name (link(2)): of many that try at once one
 * makes it, and all find it whole. False when there is one already. A crash leaves at worst a `.tmp` beside it.
 */
export async function createWholeFile(
  file: string,
  content: string | Uint8Array,
  mode: number,
): Promise<boolean> {
  for (let tries = 1; ; tries += 1) {
    const temporary = temporaryBeside(file);
    try {
      await createFile(temporary, content, mode);
      await link(temporary, file);
      await syncDirectory(path.dirname(file));
      return true;
    } catch (error) {
      if (errorCode(error) === 'EEXIST') return false;
      // Between the two another process swept it away as the left-over of a crash.
      if (errorCode(error) !== 'ENOENT' || tries === linkTriesMax) throw error;
    } finally {
      await rm(temporary, { force: true });
    }
  }
}

/** Replaces the file by a whole new one. A crash leaves the old or the new, and at worst a `.tmp` beside it. */
export async function replaceFile(file: string, content: string | Uint8Array, mode: number): Promise<void> {
  const temporary = temporaryBeside(file);
  try {
    await createFile(temporary, content, mode);
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncDirectory(path.dirname(file));
}

/** What a file holds, as text; null when it does not exist. */
export async function readTextIfThere(file: string): Promise<string | null> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return null;
    throw error;
  }
}

/** The names in a directory; none when it does not exist. */
export async function namesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return [];
    throw error;
  }
}

const temporaryName = /^\..+\.[0-9a-f]{12}\.tmp$/;

/** Removes what a crash in `replaceFile` or `createWholeFile` left in this directory. */
export async function sweepTemporaryFiles(directory: string): Promise<void> {
  for (const name of await namesIn(directory)) {
    if (temporaryName.test(name)) await rm(path.join(directory, name), { force: true });
  }
}
