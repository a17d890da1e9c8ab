// A file system of a given size for tests of a full disk: a tmpfs of the test's own. Only root may mount one.
import { execFile } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { promisify } from 'node:util';
import { type TemporaryDirectory, temporaryDirectory } from './temporary-directory.ts';

const run = promisify(execFile);

async function mountTmpfs(directory: string, bytes: number): Promise<void> {
  await run('mount', ['-t', 'tmpfs', '-o', `size=${bytes},mode=0755`, 'tmpfs', directory]);
}

/** Whether this process may mount at all; a test that needs it is skipped otherwise, with this reason in its name. */
export async function mayMount(): Promise<boolean> {
  await using directory = await temporaryDirectory();
  try {
    await mountTmpfs(directory.path, 65_536);
  } catch {
    // Not root, or a container without CAP_SYS_ADMIN: that is the answer.
    return false;
  }
  await run('umount', [directory.path]);
  return true;
}

export async function smallFileSystem(bytes: number): Promise<TemporaryDirectory> {
  const directory = await temporaryDirectory();
  await mountTmpfs(directory.path, bytes);
  return {
    path: directory.path,
    async [Symbol.asyncDispose]() {
      await run('umount', ['-l', directory.path]);
      await rm(directory.path, { recursive: true, force: true });
    },
  };
}
