// The units as files: what systemd-analyze thinks of them, and the lines on which zero loss rests.
import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { testWith } from './requirements.ts';

const run = promisify(execFile);
const directory = path.resolve(import.meta.dirname, '../../packaging/systemd');
const units = ['tako-server.service', 'tako-server-http.socket', 'tako-server-https.socket'];
const analyze = { programs: ['systemd-analyze'] as const };
/** 30 as measured with systemd 252 (0 is best, 100 worst; a service without any hardening has 96). */
const exposureMax = 32;

/** `KEY=VALUE` lines; a key may come several times. */
async function settings(unit: string): Promise<Map<string, string[]>> {
  const found = new Map<string, string[]>();
  for (const line of (await readFile(path.join(directory, unit), 'utf8')).split('\n')) {
    const match = /^([A-Za-z]+)=(.*)$/.exec(line);
    if (match?.[1] !== undefined) found.set(match[1], [...(found.get(match[1]) ?? []), match[2] ?? '']);
  }
  return found;
}

testWith(
  analyze,
  'systemd-analyze verify finds nothing to say about the units',
  { timeout: 60_000 },
  async () => {
    const copy = await mkdtemp(path.join(os.tmpdir(), 'tako-units-'));
    onTestFinished(() => rm(copy, { recursive: true, force: true }));
    await cp(directory, copy, { recursive: true });
    // The server is not installed on the machine that runs the tests; the installed one is verified in the host.
    const service = path.join(copy, 'tako-server.service');
    const text = await readFile(service, 'utf8');
    await writeFile(
      service,
      text
        .replace(/^ExecStart=.*$/m, 'ExecStart=/bin/true')
        .replace(/^(User|Group|WorkingDirectory)=.*\n/gm, ''),
    );
    const files = units.map((unit) => path.join(copy, unit));
    const { stdout, stderr } = await run('systemd-analyze', [
      'verify',
      '--recursive-errors=no',
      '--man=no',
      ...files,
    ]);
    const ours = `${stdout}${stderr}`.split('\n').filter((line) => line.includes('tako'));
    expect(ours).toEqual([]);
  },
);

testWith(
  analyze,
  `systemd-analyze security finds an exposure of ${exposureMax} at most`,
  { timeout: 60_000 },
  async () => {
    const file = path.join(directory, 'tako-server.service');
    await run('systemd-analyze', [
      'security',
      '--offline=true',
      '--no-pager',
      `--threshold=${exposureMax}`,
      file,
    ]);
    // The check of the check: it would have failed.
    await expect(
      run('systemd-analyze', ['security', '--offline=true', '--no-pager', '--threshold=10', file]),
    ).rejects.toThrow('tako-server.service');
  },
);

test('the service keeps what zero loss rests on', async () => {
  const service = await settings('tako-server.service');
  const expected: Readonly<Record<string, string>> = {
    Type: 'notify',
    NotifyAccess: 'main',
    KillMode: 'process',
    Restart: 'always',
    RestartSec: '200ms',
    StartLimitIntervalSec: '0',
    RuntimeDirectory: 'tako',
    RuntimeDirectoryPreserve: 'yes',
    WatchdogSec: '30s',
    ExecReload: "/bin/sh -c 'kill -HUP $MAINPID'",
    ExecStop: '/bin/sh /opt/tako/server/current/packaging/stop-server.sh $MAINPID',
    LimitNOFILE: '1048576',
    NoNewPrivileges: 'yes',
    ProtectSystem: 'strict',
    OOMPolicy: 'continue',
  };
  for (const [key, value] of Object.entries(expected))
    expect([key, service.get(key)]).toEqual([key, [value]]);
  for (const key of ['Delegate', 'PrivateTmp', 'MemoryDenyWriteExecute', 'ProtectProc'])
    expect(service.has(key)).toBe(false);
  expect(service.get('AmbientCapabilities')).toEqual(service.get('CapabilityBoundingSet'));
});

test('each socket unit has one name and no limit after which it would close its port', async () => {
  for (const [name, port] of [
    ['http', '80'],
    ['https', '443'],
  ] as const) {
    const socket = await settings(`tako-server-${name}.socket`);
    expect(socket.get('FileDescriptorName')).toEqual([name]);
    expect(socket.get('ListenStream')).toEqual([port]);
    expect(socket.get('Service')).toEqual(['tako-server.service']);
    expect(socket.get('TriggerLimitIntervalSec')).toEqual(['0']);
    expect(socket.get('StartLimitIntervalSec')).toEqual(['0']);
  }
});
