// The whole daemon started by systemd-socket-activate: its metrics and management sockets are the service manager's,
// serve, and are handed on at a reload like those of the data plane.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, lstat, mkdir } from 'node:fs/promises';
import net from 'node:net';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { connect } from '@tako/protocol/client';
import type { ServerIdentity } from '@tako/protocol';
import { expect, onTestFinished, test } from 'vitest';
import { httpGet } from '../testing/http-get.ts';
import { parseExposition } from '../testing/parse-exposition.ts';
import { temporaryDirectory } from '../testing/temporary-directory.ts';

const activator = '/usr/bin/systemd-socket-activate';
const hasSystemd = existsSync(activator);
const needsSystemd = hasSystemd ? '' : ' (skipped: systemd-socket-activate is missing)';

async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await once(server.close(), 'close');
  return port;
}

async function identity(socketPath: string): Promise<ServerIdentity> {
  const client = await connect({ socketPath, caller: 'test' });
  try {
    return await client.api.server_info.query(undefined);
  } finally {
    client.close();
  }
}

function end(pid: number): void {
  // Its parent is this test or init: no other process has the number yet.
  if (existsSync(`/proc/${pid}`)) process.kill(pid, 'SIGKILL');
}

const requestsOf = (text: string): number =>
  (parseExposition(text).get('tako_http_requests_total')?.samples ?? []).reduce(
    (sum, { value }) => sum + value,
    0,
  );

test.runIf(hasSystemd)(
  `metrics and management sockets of the service manager serve, and go on over a reload${needsSystemd}`,
  { timeout: 90_000 },
  async () => {
    await using directory = await temporaryDirectory();
    await chmod(directory.path, 0o711);
    const [metrics, http] = [await freePort(), await freePort()];
    const socket = path.join(directory.path, 'run', 'tako.sock');
    await mkdir(path.dirname(socket), { mode: 0o711 });
    const program = ['--conditions=source', path.join(import.meta.dirname, '..', 'main.ts')];
    const flags = [
      '--data-dir',
      path.join(directory.path, 'data'),
      '--socket',
      socket,
      '--bind',
      '127.0.0.1',
    ];
    const ports = ['--http-port', String(http), '--https-port', '0', '--acme', 'off', '--workers', '0'];
    const listeners = [`127.0.0.1:${metrics}`, socket].flatMap((place) => ['-l', place]);
    const child = spawn(
      activator,
      [...listeners, '--fdname=metrics:management', process.execPath, ...program, ...flags, ...ports],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
    await once(child.stderr, 'data');
    child.stderr.resume();

    // The first one waits in the socket's queue until the daemon is there.
    expect((await httpGet(metrics, 'localhost', '/metrics')).status).toBe(200);
    const first = await identity(socket);
    onTestFinished(() => end(first.pid));
    expect(first.pid).toBe(child.pid);
    expect(first.ports).toMatchObject({ http: [`127.0.0.1:${http}`], metrics: [`127.0.0.1:${metrics}`] });
    expect((await lstat(socket)).isSocket()).toBe(true);
    await httpGet(http, 'nobody.example.com');
    await expect
      .poll(async () => requestsOf((await httpGet(metrics, 'localhost', '/metrics')).body), {
        timeout: 10_000,
      })
      .toBe(1);

    process.kill(first.pid, 'SIGHUP');
    // Never refused, and never less than before, whoever answers.
    while (child.exitCode === null)
      expect(requestsOf((await httpGet(metrics, 'localhost', '/metrics')).body)).toBe(1);
    const second = await identity(socket);
    onTestFinished(() => end(second.pid));
    expect(second).toMatchObject({ lastReload: { ok: true }, ports: first.ports });
    expect(second.pid).not.toBe(first.pid);
    process.kill(second.pid, 'SIGTERM');
    await expect.poll(() => existsSync(`/proc/${second.pid}`), { timeout: 20_000 }).toBe(false);
    // It is the service manager's, which would find it gone.
    expect((await lstat(socket)).isSocket()).toBe(true);
  },
);
