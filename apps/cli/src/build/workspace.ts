// The build workspace: a copy of the sources that a build may change at will (spec 30, step 5). Knows no build steps.
import { constants } from 'node:fs';
import { chmod, copyFile, mkdir, rm, symlink } from 'node:fs/promises';
import path from 'node:path';
import { TakoError } from '@tako/config';
import { mapLimited } from '../files/map-limited.ts';
import { limits } from '../limits.ts';
import { hashSourceFiles } from './source-hash.ts';
import type { SourceFile } from './source-files.ts';

export interface WorkspaceSource {
  readonly root: string;
  readonly files: readonly SourceFile[];
  /** What `files` hashed to; the copy must hash to the same. */
  readonly sourceHash: string;
}

/** Replaces whatever `directory` held. Errors: SOURCE_CHANGED when a file changed between hashing and copying. */
export async function createWorkspace(
  directory: string,
  source: WorkspaceSource,
  signal?: AbortSignal,
): Promise<void> {
  await rm(directory, { recursive: true, force: true, maxRetries: 3 });
  await mkdir(directory, { recursive: true });
  for (const parent of parentDirectories(source.files)) {
    await mkdir(path.join(directory, parent), { recursive: true });
  }
  await mapLimited(source.files, limits.fileConcurrency, async (file) => {
    signal?.throwIfAborted();
    await copyEntry(source.root, directory, file);
  });
  const copied = await hashSourceFiles(directory, source.files, signal);
  if (copied === source.sourceHash) return;
  throw new TakoError('SOURCE_CHANGED', `files in ${source.root} changed while they were being copied`, {
    hint: 'Run the command again when nothing writes into the source tree.',
  });
}

async function copyEntry(root: string, directory: string, file: SourceFile): Promise<void> {
  const to = path.join(directory, file.path);
  try {
    if (file.kind === 'symlink') {
      await symlink(file.target, to);
      return;
    }
    await copyFile(path.join(root, file.path), to, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL);
    await chmod(to, file.executable ? 0o755 : 0o644);
  } catch (cause) {
    throw new TakoError(
      'SOURCE_UNREADABLE',
      `${file.path} could not be copied: ${cause instanceof Error ? cause.message : String(cause)}`,
      { hint: 'Check that you may read the file, or add it to .gitignore.', cause },
    );
  }
}

function parentDirectories(files: readonly SourceFile[]): string[] {
  return [...new Set(files.map((file) => path.posix.dirname(file.path)))].filter((parent) => parent !== '.');
}
