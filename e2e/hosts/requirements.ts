// What a test on a real host needs of this machine. What is missing is said in the test's name; with TAKO_TEST_ALL=1
// it is a failure.
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import path from 'node:path';
import { type TestContext, test } from 'vitest';

/** Program → the Debian package that brings it. */
const packages = {
  debootstrap: 'debootstrap',
  'systemd-nspawn': 'systemd-container',
  'systemd-analyze': 'systemd',
  ip: 'iproute2',
  nsenter: 'util-linux',
  ssh: 'openssh-client',
  'ssh-keygen': 'openssh-client',
} as const;
export type Program = keyof typeof packages;

const directories = ['/usr/sbin', '/usr/bin', '/sbin', '/bin'];

function isInstalled(program: string): boolean {
  return directories.some((directory) => {
    try {
      accessSync(path.join(directory, program), constants.X_OK);
      return true;
    } catch {
      // Not in this one.
      return false;
    }
  });
}

/** Root of a container may lack what systemd-nspawn does first. */
function mayMakeNamespaces(): boolean {
  const made = spawnSync('/usr/bin/unshare', [
    '--mount',
    '--pid',
    '--net',
    '--fork',
    'mount',
    '-t',
    'tmpfs',
    'none',
    '/mnt',
  ]);
  return made.status === 0;
}

export interface Needs {
  readonly programs: readonly Program[];
  readonly root?: boolean;
}

/** null: all of it is here. */
export function missing({ programs, root = false }: Needs): string | null {
  const absent = programs.filter((program) => !isInstalled(program));
  const install = [...new Set(absent.map((program) => packages[program]))].join(' ');
  const isRoot = process.getuid?.() === 0;
  const reasons = [
    ...(process.platform === 'linux' ? [] : ['needs Linux']),
    ...(root && !isRoot ? ['needs root'] : []),
    ...(root && isRoot && !mayMakeNamespaces() ? ['needs namespaces and mounts of its own'] : []),
    ...(absent.length === 0 ? [] : [`needs ${absent.join(', ')} (Debian: ${install})`]),
  ];
  return reasons.length === 0 ? null : reasons.join('; ');
}

/** A test that runs where it can; its name says why it did not. */
export function testWith(
  needs: Needs,
  name: string,
  options: { readonly timeout: number },
  run: (context: TestContext) => Promise<void>,
): void {
  const reason = missing(needs);
  const mustRun = process.env['TAKO_TEST_ALL'] === '1';
  const title = reason === null || mustRun ? name : `${name} (skipped: ${reason})`;
  // oxlint-disable-next-line vitest/valid-title -- the name is the caller's
  test.skipIf(reason !== null && !mustRun)(title, options, (context) => {
    if (reason !== null) throw new Error(`cannot run: ${reason}`);
    return run(context);
  });
}

/** Everything that a host in systemd-nspawn needs. */
export const hostNeeds: Needs = {
  root: true,
  programs: ['debootstrap', 'systemd-nspawn', 'ip', 'nsenter', 'ssh', 'ssh-keygen'],
};
