// SHA-256 over the sorted paths and contents of a source tree (spec 30, step 4). Knows no git and no cache.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { mapLimited } from '../files/map-limited.ts';
import { limits } from '../limits.ts';
import type { SourceFile } from './source-files.ts';

/** Equal trees give equal hashes wherever they lie; the executable bit and the target of a link count. */
export async function hashSourceFiles(
  root: string,
  files: readonly SourceFile[],
  signal?: AbortSignal,
): Promise<string> {
  const contents = await mapLimited(files, limits.fileConcurrency, (file) => hashEntry(root, file, signal));
  const hash = createHash('sha256');
  for (const [index, file] of files.entries()) {
    // JSON quotes every separator, so no two lists of entries read the same.
    hash.update(`${JSON.stringify([file.path, modeOf(file), contents[index]])}\n`);
  }
  return hash.digest('hex');
}

const modeOf = (file: SourceFile): string =>
  file.kind === 'symlink' ? 'link' : file.executable ? 'executable' : 'file';

async function hashEntry(root: string, file: SourceFile, signal?: AbortSignal): Promise<string> {
  if (file.kind === 'symlink') return file.target;
  return hashFile(path.join(root, file.path), signal);
}

export async function hashFile(absolutePath: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(absolutePath), hash, { signal });
  return hash.digest('hex');
}
