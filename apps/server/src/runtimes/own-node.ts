// The daemon's own Node where apps can run it: the daemon may lie in a folder that only its owner may enter (a
// checkout in somebody's home), and apps run as other users.
import { copyFile, constants, chmod, link, mkdir, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { errorCode } from '../files/durable-file.ts';

async function sizeOf(file: string): Promise<number | null> {
  try {
    return (await stat(file)).size;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return null;
    throw error;
  }
}

/** A hard link costs nothing; across file systems it is a copy, a clone where the file system can. */
async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    if (!['EXDEV', 'EPERM', 'EMLINK', 'EACCES'].includes(errorCode(error) ?? '')) throw error;
    await copyFile(from, to, constants.COPYFILE_FICLONE);
    await chmod(to, 0o755);
  }
}

/** `<data-dir>/node/{version}/node`, put there once, whole or not at all. */
export async function placeOwnNode(spec: {
  readonly dataDir: string;
  readonly program: string;
  readonly version: string;
}): Promise<string> {
  const directory = path.join(spec.dataDir, 'node', spec.version);
  const placed = path.join(directory, 'node');
  const [have, want] = await Promise.all([sizeOf(placed), sizeOf(spec.program)]);
  if (have !== null && have === want) return placed;
  await mkdir(directory, { recursive: true, mode: 0o755 });
  const temporary = `${placed}.${process.pid}`;
  await rm(temporary, { force: true });
  await linkOrCopy(spec.program, temporary);
  await rename(temporary, placed);
  return placed;
}
