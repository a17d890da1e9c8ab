// `server/` in the data directory: the builds beside each other and the link `current`, moved by one rename. Unpacking is
// install.sh's, which does it on a host that has no Node yet, too.
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readlink, rename, rm, stat, symlink } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { TakoError } from '@tako/config';
import { fileSha256 } from '../artifacts/file-hash.ts';
import { errorCode, errorMessage, namesIn, syncDirectory } from '../files/durable-file.ts';
import { upgradeLimits } from './limits.ts';

const run = promisify(execFile);
const helperPath = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' };
const versionPattern = /^(?![.-])[A-Za-z0-9._-]{1,128}$/;
/** What a killed unpacking or switching leaves. */
const leftover = /^\.(?:staging|old|current)\./;

export interface BuildsFolder {
  readonly directory: string;
  /** The version that `current` points to; null when there is no such link. */
  current(): Promise<string | null>;
  has(version: string): Promise<boolean>;
  /** By rename: there is no moment without a `current`. */
  switchTo(version: string): Promise<void>;
  /** Verifies, unpacks beside the others and tries the build. Throws UPGRADE_FAILED in the installer's words. */
  unpack(archive: { file: string; sha256: string }, signal: AbortSignal): Promise<void>;
  /** Removes what a killed upgrade left, and all builds but the newest few. `keep` stays whatever its age. */
  sweep(keep: ReadonlySet<string>): Promise<void>;
}

function failed(message: string, hint: string, cause?: unknown): TakoError {
  return new TakoError('UPGRADE_FAILED', message, { hint, cause });
}

/** The installer of this very build: `packaging/` beside its packages, in an archive as in a checkout. */
function installer(): string {
  for (let at = import.meta.dirname; at !== path.dirname(at); at = path.dirname(at)) {
    const file = path.join(at, 'packaging/install.sh');
    if (existsSync(file)) return file;
  }
  throw failed('this build of tako-server has no packaging/install.sh', 'install the whole build again');
}

/** `tako: what happened` and the next step in the line after it. */
function saidBy(error: unknown): TakoError {
  const stderr = error instanceof Error && 'stderr' in error ? String(error.stderr) : errorMessage(error);
  const lines = stderr.split('\n');
  const at = lines.findLastIndex((line) => line.startsWith('tako: '));
  const message = at < 0 ? stderr.trim() : (lines[at] ?? '').slice('tako: '.length);
  const hint = at < 0 ? '' : (lines[at + 1] ?? '').trim();
  return failed(message, hint === '' ? 'look at what the installer said' : hint, error);
}

/** SHA-256 first: nothing of an archive is read that is not the one that was meant. Throws UPGRADE_FAILED. */
export async function readArchiveVersion(
  { file, sha256 }: { file: string; sha256: string },
  signal: AbortSignal,
): Promise<string> {
  let found: string;
  try {
    found = await fileSha256(file, signal);
  } catch (error) {
    signal.throwIfAborted();
    throw failed(
      `${file} cannot be read: ${errorMessage(error)}`,
      'copy the build to this host first',
      error,
    );
  }
  if (found !== sha256)
    throw failed(
      `${file} has the SHA-256 ${found}, not ${sha256}`,
      'copy it again: it was damaged on its way',
    );
  const options = { env: helperPath, maxBuffer: upgradeLimits.buildFileBytesMax, signal } as const;
  let text: string;
  try {
    ({ stdout: text } = await run('tar', ['--extract', '--to-stdout', '--file', file, './BUILD'], options));
  } catch (error) {
    signal.throwIfAborted();
    throw failed(`${file} is not a build of tako-server`, 'scripts/pack-server.mjs makes one', error);
  }
  const version = /^version=(.*)$/m.exec(text)?.[1] ?? '';
  if (versionPattern.test(version)) return version;
  throw failed(`${file} names no usable version`, 'scripts/pack-server.mjs makes one');
}

class Builds implements BuildsFolder {
  readonly directory: string;

  constructor(directory: string) {
    this.directory = directory;
  }

  async current(): Promise<string | null> {
    try {
      return path.basename(await readlink(path.join(this.directory, 'current')));
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return null;
      throw error;
    }
  }

  async has(version: string): Promise<boolean> {
    if (!versionPattern.test(version)) return false;
    const facts = await stat(path.join(this.directory, version, 'bin/tako-server')).catch(() => null);
    return facts?.isFile() ?? false;
  }

  async switchTo(version: string): Promise<void> {
    if (!(await this.has(version))) {
      const there = (await this.#versions()).join(', ');
      throw failed(`there is no version ${version} in ${this.directory}`, `there are: ${there || 'none'}`);
    }
    const link = path.join(this.directory, `.current.${randomBytes(6).toString('hex')}`);
    try {
      await symlink(version, link);
      await rename(link, path.join(this.directory, 'current'));
    } catch (error) {
      await rm(link, { force: true });
      throw failed(
        `${this.directory}/current could not be moved to ${version}: ${errorMessage(error)}`,
        'the folder must be writable for whoever upgrades: run as the user tako or as root',
        error,
      );
    }
    await syncDirectory(this.directory);
  }

  async unpack({ file, sha256 }: { file: string; sha256: string }, signal: AbortSignal): Promise<void> {
    const args = ['stage', '--builds', this.directory, '--archive', file, '--sha256', sha256];
    const options = { env: helperPath, signal, timeout: upgradeLimits.unpackTimeoutMs } as const;
    try {
      await run('/bin/sh', [installer(), ...args], options);
    } catch (error) {
      signal.throwIfAborted();
      throw saidBy(error);
    }
  }

  async sweep(keep: ReadonlySet<string>): Promise<void> {
    for (const name of await namesIn(this.directory)) {
      if (leftover.test(name)) await rm(path.join(this.directory, name), { recursive: true, force: true });
    }
    const others = (await this.#versions()).filter((version) => !keep.has(version));
    for (const version of others.slice(Math.max(0, upgradeLimits.buildsKept - keep.size)))
      await rm(path.join(this.directory, version), { recursive: true, force: true });
  }

  /** Those that can be run, the youngest first. */
  async #versions(): Promise<string[]> {
    const found: { version: string; at: number }[] = [];
    for (const version of await namesIn(this.directory)) {
      if (version === 'current' || !(await this.has(version))) continue;
      // Set when it was renamed into place: the time of its unpacking (rename(2) touches it).
      found.push({ version, at: (await stat(path.join(this.directory, version))).ctimeMs });
    }
    return found.toSorted((a, b) => b.at - a.at).map(({ version }) => version);
  }
}

export function openBuildsFolder(directory: string): BuildsFolder {
  return new Builds(directory);
}
