// The whole server on listening sockets that others hold: systemd-socket-activate, catflap, s6. It serves on them, hands
// them to its successor, and they stay open when it ends.
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import net from 'node:net';
import { expect, test } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { ask } from '../support/http-get.ts';
import { eventually } from '../zero-loss/eventually.ts';
import { type BareStart, patienceMs, serverProgram, startBare } from './bare-server.ts';

const activator = '/usr/bin/systemd-socket-activate';
const toml = 'workers = 1\nhttp_port = 1\nhttps_port = 1\n';

async function expectServes(
  port: number,
  start: BareStart,
  started: () => void = () => undefined,
): Promise<void> {
  // The first connection is what systemd-socket-activate waits for; it waits in the backlog until the server accepts.
  await using server = await startBare({ toml, ...start });
  started();
  const status = await firstStatus(port);
  expect(status).toBe(404);
  await server.process.printed(/"server became ready"/, patienceMs);
  const before = await server.info();
  expect(before.ports).toMatchObject({ http: [expect.stringContaining(String(port)) as string] });
  const after = await server.reload();
  expect(after.pid).not.toBe(before.pid);
  expect((await ask({ port, host: 'nobody.example.com' })).status).toBe(404);
}

/** Nobody listens in the first moment of systemd-socket-activate. */
function firstStatus(port: number): Promise<number> {
  return eventually(`an answer on port ${port}`, patienceMs, async () => {
    try {
      return (await ask({ port, host: 'nobody.example.com', timeoutMs: patienceMs })).status;
    } catch (error) {
      if (String(error).includes('ECONNREFUSED')) return null;
      throw error;
    }
  });
}

/** What a supervisor holds open. Given on, it is closed here, or both would accept. */
async function listener(): Promise<{ fd: number; port: number; close: () => void }> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { fd } = (server as unknown as { _handle: { fd: number } })._handle;
  return { fd, port: (server.address() as net.AddressInfo).port, close: () => void server.close() };
}

test.runIf(existsSync(activator))(
  `systemd-socket-activate starts the server at the first connection${existsSync(activator) ? '' : ' (skipped: it is missing)'}`,
  { timeout: 200_000 },
  async () => {
    const port = await freePort();
    const command = [
      activator,
      '-l',
      `127.0.0.1:${port}`,
      '--fdname=http',
      '-E',
      'TAKO_SERVER_ACME',
      '-E',
      'PATH',
      serverProgram,
    ] as const;
    await expectServes(port, { command: [...command] });
  },
);

test("catflap's LISTEN_FD", { timeout: 200_000 }, async () => {
  const { fd, port, close } = await listener();
  await expectServes(port, { env: { LISTEN_FD: '3' }, stdio: ['ignore', 'pipe', 'pipe', fd] }, close);
});

test('a listening socket as standard input', { timeout: 200_000 }, async () => {
  const { fd, port, close } = await listener();
  await expectServes(port, { stdio: [fd, 'pipe', 'pipe'] }, close);
});
