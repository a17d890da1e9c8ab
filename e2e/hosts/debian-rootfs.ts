// The tree of a small Debian with systemd and sshd: made once by debootstrap, kept in a cache outside of the
// repository, copied for each host.
import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { runCommand } from './commands.ts';
import { copyTimeoutMs, rootfsTimeoutMs } from './limits.ts';

const suite = 'bookworm';
/** What a server has that Debian's smallest variant lacks. No procps, no curl, no Node: nothing of ours may need them. */
const packages = [
  'systemd',
  'systemd-sysv',
  'dbus',
  'libpam-systemd',
  'openssh-server',
  'iproute2',
  'sudo',
] as const;
const defaultMirror = 'http://deb.debian.org/debian';

/** `$XDG_CACHE_HOME/tako-e2e`, or the system's cache, which root may write. */
export function hostCacheDir(): string {
  const base = process.env['XDG_CACHE_HOME'];
  return path.join(base === undefined || base === '' ? '/var/cache' : base, 'tako-e2e');
}

function rootfsDir(): string {
  const key = createHash('sha256')
    .update(JSON.stringify([suite, packages, 1]))
    .digest('hex')
    .slice(0, 8);
  return path.join(hostCacheDir(), `debian-${suite}-${key}`);
}

/** Made under another name and renamed when whole: a test run that was cut leaves nothing that looks finished. */
async function makeRootfs(directory: string): Promise<void> {
  const temporary = `${directory}.${process.pid}.${randomBytes(4).toString('hex')}`;
  const mirror = process.env['TAKO_TEST_DEBIAN_MIRROR'] ?? defaultMirror;
  try {
    const include = `--include=${packages.join(',')}`;
    await runCommand(['debootstrap', '--variant=minbase', include, suite, temporary, mirror], {
      timeoutMs: rootfsTimeoutMs,
    });
    for (const part of ['var/cache/apt', 'var/lib/apt/lists']) {
      for (const name of await readdir(path.join(temporary, part)))
        await rm(path.join(temporary, part, name), { recursive: true });
    }
    await rename(temporary, directory);
  } catch (error) {
    // Another run was faster.
    if (!existsSync(directory)) throw error;
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

/** The path of the shared tree; nothing may write there. */
export async function debianRootfs(): Promise<string> {
  const directory = rootfsDir();
  if (existsSync(directory)) return directory;
  await mkdir(path.dirname(directory), { recursive: true });
  await makeRootfs(directory);
  return directory;
}

/** A copy of its own for one host. Owners and modes are kept; where the file system can, nothing is really copied. */
export async function copyRootfs(target: string): Promise<void> {
  const source = await debianRootfs();
  await mkdir(path.dirname(target), { recursive: true, mode: 0o755 });
  await runCommand(['cp', '-a', '--reflink=auto', source, target], { timeoutMs: copyTimeoutMs });
}
