// What is done to the directory of a release before it gets its name: looked through, its manifest written, handed to
// the app's user and taken back. Knows no order of steps.
import { chmod, chown, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { type Manifest, TakoError } from '@tako/config';
import type { RunAs } from '@tako/supervisor';
import { createFile, errorCode } from '../files/durable-file.ts';
import { runHelper } from '../programs/run-helper.ts';
import { releaseLimits } from './limits.ts';

export async function isDirectory(directory: string): Promise<boolean> {
  try {
    return (await stat(directory)).isDirectory();
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return false;
    throw error;
  }
}

/** What the manifest names must be there: better said now than by a process that dies. */
export async function assertLayout(manifest: Manifest, directory: string): Promise<void> {
  for (const [key, name] of [
    ['app_dir', manifest.app_dir],
    ['install_dir', manifest.install_dir],
  ] as const) {
    if (await isDirectory(path.join(directory, name))) continue;
    throw new TakoError(
      'ARCHIVE_INVALID',
      `The archive has no directory ${name}, which the manifest names as ${key}.`,
      {
        hint: 'Deploy again with `tako deploy`, which writes both.',
        details: { key, name },
      },
    );
  }
  if (manifest.main === null) return;
  const main = path.join(directory, manifest.app_dir, manifest.main);
  const found = await stat(main).then(
    (stats) => stats.isFile(),
    () => false,
  );
  if (found) return;
  throw new TakoError(
    'MAIN_NOT_FOUND',
    `The release has no file ${path.join(manifest.app_dir, manifest.main)}.`,
    {
      hint: 'Set `main` in tako.toml to the file that the build makes, and look that `[build] exclude` does not take it away.',
      details: { main: manifest.main, appDir: manifest.app_dir },
    },
  );
}

/** Ours, whatever the archive or an install script put there by that name. */
export async function writeManifest(directory: string, manifest: Manifest): Promise<void> {
  const file = path.join(directory, 'app.json');
  await rm(file, { recursive: true, force: true });
  await createFile(file, `${JSON.stringify(manifest, null, 2)}\n`, 0o644);
}

/** While its top is closed (0700) nobody can swap anything below it, so the walk cannot be led astray. */
export async function handToApp(directory: string, runAs: RunAs | null): Promise<void> {
  if (runAs !== null) {
    await runHelper(
      ['/bin/chown', '-hR', `${runAs.uid}:${runAs.gid}`, directory],
      releaseLimits.removeTimeoutMs,
    );
    await chown(directory, runAs.uid, runAs.gid);
  }
  await chmod(directory, 0o755);
}

export async function takeBack(directory: string, runAs: RunAs | null): Promise<void> {
  if (runAs !== null) await chown(directory, process.geteuid?.() ?? 0, process.getegid?.() ?? 0);
  await chmod(directory, 0o755);
}
