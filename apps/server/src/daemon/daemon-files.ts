// The folders of a daemon: the data directory and the run directory, and whether apps can reach them.
import { mkdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { TakoError } from '@tako/config';
import { errorCode } from '../files/durable-file.ts';

/** 0711: apps go through it to their own release and cannot list it (spec 80, Layout). */
const traversable = 0o711;

/** A folder above that other users cannot pass makes every start fail with EACCES: said at boot instead. */
async function assertTraversable(directory: string): Promise<void> {
  for (let at = path.dirname(directory); ; at = path.dirname(at)) {
    const { mode } = await stat(at);
    if ((mode & 0o001) === 0) {
      throw new TakoError(
        'PERMISSION_DENIED',
        `apps run as other users and cannot pass through ${at} (mode ${(mode & 0o777).toString(8)})`,
        {
          hint: `chmod o+x ${at}, or choose another --data-dir and --socket folder`,
          details: { path: at },
        },
      );
    }
    if (at === path.dirname(at)) return;
  }
}

/** Throws PERMISSION_DENIED where apps of other users could not reach their files. */
export async function prepareFolders(spec: {
  dataDir: string;
  runDir: string;
  switchesUsers: boolean;
}): Promise<void> {
  for (const directory of [spec.dataDir, spec.runDir]) {
    try {
      await mkdir(directory, { recursive: true, mode: traversable });
    } catch (cause) {
      const code = errorCode(cause);
      if (code !== 'EACCES' && code !== 'EROFS' && code !== 'ENOTDIR') throw cause;
      throw new TakoError('PERMISSION_DENIED', `cannot create ${directory}: ${code}`, {
        hint: 'run as a user that may write there, or choose --data-dir and --socket',
        cause,
        details: { path: directory },
      });
    }
    if (spec.switchesUsers) await assertTraversable(directory);
  }
  await mkdir(path.join(spec.runDir, 'instances'), { recursive: true, mode: traversable });
}
