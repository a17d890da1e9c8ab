// Removes directories in which an app may be writing at the same moment. rm(1) walks by file descriptor (openat(2)) and
// so cannot be led elsewhere by a directory that is swapped for a link; what the app's user owns is removed as that user.
import { rm } from 'node:fs/promises';
import type { RunAs } from '@tako/supervisor';
import { runHelper } from '../programs/run-helper.ts';
import { releaseLimits } from './limits.ts';

/** Idempotent. Rejects when something is left. */
export async function removeTree(directory: string, runAs: RunAs | null): Promise<void> {
  if (runAs === null && process.geteuid?.() !== 0) {
    // Everything there has one owner, who could as well do it himself.
    await rm(directory, { recursive: true, force: true, maxRetries: 3 });
    return;
  }
  const remove = ['/bin/rm', '-rf', '--one-file-system', '--', directory] as const;
  if (runAs !== null) {
    const user = [`--reuid=${runAs.uid}`, `--regid=${runAs.gid}`, '--clear-groups', '--no-new-privs', '--'];
    // It cannot remove the directory itself, which stands in one of the daemon's: the second call tells what is left.
    await runHelper(['/usr/bin/setpriv', ...user, ...remove], releaseLimits.removeTimeoutMs).catch(
      () => undefined,
    );
  }
  await runHelper(remove, releaseLimits.removeTimeoutMs);
}
