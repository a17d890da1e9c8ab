import { execFile } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs/promises';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { startCaptured } from './captured-process.ts';
import { processesOf } from './processes.ts';
import { type Sshd, startSshd } from './sshd.ts';

const argsFor = (sshd: Sshd, ...args: string[]): string[] => [
  '-F',
  sshd.configFile,
  '-p',
  String(sshd.port),
  sshd.host,
  ...args,
];

test('a command runs with the key and known hosts of the test only, and its exit status comes back', async () => {
  await using sshd = await startSshd();
  const run = promisify(execFile);
  expect((await run('ssh', argsFor(sshd, 'echo', 'hello'))).stdout).toBe('hello\n');
  await expect(run('ssh', argsFor(sshd, 'exit 7'))).rejects.toMatchObject({ code: 7 });
  const strange = ['-o', 'UserKnownHostsFile=/dev/null', ...argsFor(sshd, 'true')];
  await expect(run('ssh', strange)).rejects.toMatchObject({ code: 255 });
});

test('a Unix socket is forwarded, and a cut session takes the forwarding with it', async () => {
  const dir = await fs.mkdtemp(path.join(os.tmpdir(), 'tako-forward-'));
  await using server = net
    .createServer((socket) => socket.end('from the socket'))
    .listen(path.join(dir, 'remote'));
  await once(server, 'listening');
  let sshdDir = '';
  {
    await using sshd = await startSshd();
    sshdDir = path.dirname(sshd.configFile);
    const local = path.join(dir, 'local');
    const ssh = await startCaptured(
      'ssh',
      [
        '-v',
        '-N',
        '-o',
        'ExitOnForwardFailure=yes',
        '-L',
        `${local}:${path.join(dir, 'remote')}`,
        ...argsFor(sshd),
      ],
      {},
    );
    await ssh.printed(/Entering interactive session/);
    const socket = net.connect(local).setEncoding('utf8');
    expect(await once(socket, 'data')).toEqual(['from the socket']);
    expect(sshd.cutSessions()).toBeGreaterThan(0);
    expect((await ssh.closed).code).toBe(255);
    expect((await promisify(execFile)('ssh', argsFor(sshd, 'echo', 'again'))).stdout).toBe('again\n');
  }
  expect(processesOf(sshdDir)).toEqual([]);
  await fs.rm(dir, { recursive: true });
});
