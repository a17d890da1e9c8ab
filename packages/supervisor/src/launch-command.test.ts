import { expect, test } from 'vitest';
import { type HostPrivileges, parseHostPrivileges } from './host-privileges.ts';
import { launchCommand, launchRefusal } from './launch-command.ts';
import { makeSpec } from './testing.ts';

const root: HostPrivileges = {
  uid: 0,
  maySwitchUser: true,
  mayDropBoundingSet: true,
  openFilesMax: 1_000,
  processesMax: Infinity,
};
const plain: HostPrivileges = { ...root, uid: 1000, maySwitchUser: false, mayDropBoundingSet: false };
const app = { uid: 64_001, gid: 64_002 };
const base = { argv: ['node', 'server.js'] as const, environment: { PATH: '/usr/bin' }, runAs: app };

test('as root: limits first, then another user without groups, capabilities or ways to get them', () => {
  const spec = makeSpec('/srv', { ...base, limits: { openFiles: 500, pids: 64 } });
  expect(launchCommand(spec, root)).toEqual({
    file: '/usr/bin/prlimit',
    args: (
      '--nofile=500 --nproc=64 /usr/bin/setpriv --reuid=64001 --regid=64002 --clear-groups --ambient-caps=-all ' +
      '--inh-caps=-all --bounding-set=-all --no-new-privs -- node server.js'
    ).split(' '),
    environment: { PATH: '/usr/bin', PORT: '0', HOST: '127.0.0.1' },
  });
});

test('without privileges: what can still be given up is given up', () => {
  const { file, args } = launchCommand(makeSpec('/srv', { ...base, runAs: null }), plain);
  expect([file, ...args].join(' ')).toBe(
    '/usr/bin/setpriv --ambient-caps=-all --inh-caps=-all --no-new-privs -- node server.js',
  );
});

test('a limit above what the daemon itself may have is lowered to it', () => {
  const spec = makeSpec('/srv', { ...base, limits: { openFiles: 5_000 } });
  expect(launchCommand(spec, root).args[0]).toBe('--nofile=1000');
});

test('the port of an app without the SDK is in its environment', () => {
  const spec = makeSpec('/srv', { ...base, readiness: { kind: 'http', port: 3123, timeoutMs: 1 } });
  expect(launchCommand(spec, root).environment).toEqual({
    PATH: '/usr/bin',
    PORT: '3123',
    HOST: '127.0.0.1',
  });
});

test('variables that load code are given to the app only, after the privileges are gone', () => {
  const environment = { LD_PRELOAD: '/srv/evil.so', GLIBC_TUNABLES: 'x', TMPDIR: '/srv/tmp', SECRET: 's' };
  const { args, environment: early } = launchCommand(makeSpec('/srv', { ...base, environment }), root);
  expect(early).toEqual({ SECRET: 's', PORT: '0', HOST: '127.0.0.1' });
  const tail = [
    '--',
    '/usr/bin/env',
    '--',
    'LD_PRELOAD=/srv/evil.so',
    'GLIBC_TUNABLES=x',
    'TMPDIR=/srv/tmp',
    'node',
    'server.js',
  ];
  expect(args.slice(-tail.length)).toEqual(tail);
});

test.each([
  ['root as the user', { runAs: { uid: 0, gid: 64_001 } }, root, 'never runs as root'],
  ['the root group', { runAs: { uid: 64_001, gid: 0 } }, root, 'never runs as root'],
  ['a switch that the daemon may not make', { runAs: app }, plain, 'cannot start an instance as uid 64001'],
  ['an empty program', { argv: [''] as const }, root, 'cannot be executed'],
  ['a program that env(1) would take for a variable', { argv: ['A=b'] as const }, root, 'cannot be executed'],
  ['a NUL byte', { environment: { A: 'b\0c' } }, root, 'NUL byte'],
])('refused: %s', (_title, choices, host, reason) => {
  expect(launchRefusal(makeSpec('/srv', { ...base, ...choices }), host)).toContain(reason);
});

test('the daemon itself may be the user', () => {
  expect(launchRefusal(makeSpec('/srv', { ...base, runAs: { uid: 1000, gid: 1000 } }), plain)).toBeNull();
});

test('what the daemon may do is read from /proc', () => {
  const limitsText =
    'Limit Soft Hard Units\nMax processes             100   unlimited            processes\nMax open files            20000                30000                files\n';
  const statusText = 'Name:\tnode\nUid:\t5\t1000\t1000\t1000\nCapEff:\t00000000000001c0\n';
  expect(parseHostPrivileges(statusText, limitsText)).toEqual({
    uid: 1000,
    maySwitchUser: true,
    mayDropBoundingSet: true,
    openFilesMax: 30_000,
    processesMax: Infinity,
  });
  expect(parseHostPrivileges(statusText.replace('1c0', '080'), limitsText)).toMatchObject({
    maySwitchUser: false,
    mayDropBoundingSet: false,
  });
});
