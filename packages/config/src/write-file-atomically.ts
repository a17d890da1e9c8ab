// Puts a whole file in place or leaves the old one: temp file, fsync, rename, fsync of the directory. An edge: it
// writes to disk and decides nothing about contents.
import { open, realpath, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';

export interface WriteOptions {
  /** Permissions from the first byte on; default: those of the file that is there, else 0644. */
  readonly mode?: number;
}

/** A link is followed, and what it points to replaced. Errors: those of the file system. */
export async function writeFileAtomically(
  file: string,
  contents: string | Uint8Array,
  options: WriteOptions = {},
): Promise<void> {
  // Slow to load, and most commands write nothing.
  const { randomBytes } = await import('node:crypto');
  const target = await resolveLink(file);
  const mode = options.mode ?? (await modeOf(target)) ?? 0o644;
  const temporary = path.join(
    path.dirname(target),
    `.${path.basename(target)}.${randomBytes(6).toString('hex')}.tmp`,
  );
  try {
    {
      await using handle = await open(temporary, 'wx', mode);
      // The umask took bits from the mode asked for; a mode may only be narrower while bytes are written.
      await handle.chmod(mode);
      await handle.writeFile(contents);
      await handle.sync();
    }
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  // The rename is in the directory: only its own fsync makes it outlive a power cut.
  await using directory = await open(path.dirname(target), 'r');
  await directory.sync();
}

async function resolveLink(file: string): Promise<string> {
  try {
    return await realpath(file);
  } catch (error) {
    if (isMissing(error)) return file;
    throw error;
  }
}

async function modeOf(file: string): Promise<number | null> {
  try {
    return (await stat(file)).mode & 0o777;
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
