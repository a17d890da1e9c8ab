// A standby of the same data directory: it acts when the server is gone, gives back when it returns, and no request
// notices (spec 40, Standby).
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { connect } from '@tako/protocol/client';
import { type CapturedProcess, startCaptured } from '../support/captured-process.ts';
import { descriptorTargets } from '../support/processes.ts';
import { startTestServer } from '../support/test-server.ts';
import { startCrowd } from '../zero-loss/crowd.ts';
import { expectNothingLost } from '../zero-loss/nothing-lost.ts';
import { openStage } from '../zero-loss/stage.ts';
import { followDaemon } from './daemon-chain.ts';

const serverProgram = new URL('../../bin/tako-server', import.meta.url).pathname;
const waitMs = 60_000;
const crowdOptions = { clients: { fresh: 3, keepAlive: 6, http2: 2, webSocket: 2, eventStream: 2 } } as const;

test(
  'a standby acts when the server is killed, takes reloads, and gives back when it returns: no request lost, no app restarted',
  { timeout: 300_000 },
  async () => {
    await using stage = await openStage({ instances: 2 });
    await stage.ship();
    const { server } = stage;
    await using chain = followDaemon(server);
    const pids = await chain.appPids();
    const places = ['--socket', server.socketPath, '--data-dir', server.dataDir, '--bind', '127.0.0.1'];
    const ports = ['--http-port', String(server.httpPort), '--https-port', String(server.httpsPort)];
    const flags = [...places, ...ports, '--workers', '2', '--acme', 'off'];
    const standby = await startCaptured(
      serverProgram,
      [...flags, '--standby', '--standby-interval', '200ms'],
      {},
    );
    await standby.printed(/standby began to watch/, waitMs);

    // Alive, but silent: its lock keeps the standby from acting beside it.
    process.kill(server.pid, 'SIGSTOP');
    await standby.printed(/server does not answer, but lives/, waitMs);
    process.kill(server.pid, 'SIGCONT');
    expect((await chain.status()).server).toMatchObject({ pid: server.pid, standby: false });

    await using crowd = startCrowd(stage.url, crowdOptions);
    await sleep(300);
    await server.kill();
    await standby.printed(/server was gone: the standby acts/, waitMs);
    expect((await chain.status()).server).toMatchObject({ pid: standby.pid, standby: true });
    expect(await chain.appPids()).toEqual(pids);

    // What acts can be reloaded as any other; the process changes.
    expect(await chain.reload()).toMatchObject({ kind: 'reloaded' });
    const acting = (await chain.status()).server;
    expect(acting.pid).not.toBe(standby.pid);
    expect(acting.standby).toBe(true);

    await using returned = await server.restart();
    expect((await chain.status()).server).toMatchObject({ pid: returned.pid, standby: false });
    expect(await chain.appPids()).toEqual(pids);
    const report = await expectNothingLost(crowd, 'killed, standby acts, is reloaded, gives back');
    expect(report.failed).toBe(0);

    // It watches again, and ends at once when it is told to.
    // Said by the successor, into the output of the process that the test started and that is gone.
    await expect
      .poll(() => standby.output(), { timeout: waitMs })
      .toMatch(/server is back: the standby watches/);
    process.kill(acting.pid, 'SIGTERM');
    await expect.poll(() => isGone(acting.pid), { timeout: waitMs }).toBe(true);
    await using client = await connect({ socketPath: server.socketPath });
    expect(client.server.pid).toBe(returned.pid);
  },
);

function isGone(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch {
    return true;
  }
}

test(
  'a standby that had to bind the ports itself lets go of them when the server is back',
  { timeout: 120_000 },
  async () => {
    await using server = await startTestServer({ workers: 1 });
    const places = ['--socket', server.socketPath, '--data-dir', server.dataDir, '--bind', '127.0.0.1'];
    const ports = ['--http-port', String(server.httpPort), '--https-port', String(server.httpsPort)];
    const rest = ['--workers', '1', '--acme', 'off', '--standby', '--standby-interval', '200ms'];
    const standby = await startCaptured(serverProgram, [...places, ...ports, ...rest], {});
    await using _ended = { [Symbol.asyncDispose]: () => endStandby(standby) };
    await standby.printed(/standby began to watch/, waitMs);
    for (const { pid } of server.processes()) if (pid !== standby.pid) process.kill(pid, 'SIGKILL');
    await standby.printed(/server was gone: the standby acts/, waitMs);
    // /proc/net/tcp is read in pieces: one that others open and close meanwhile may lack a line.
    await expect.poll(() => listens(standby.pid, server.httpPort)).toBe(true);
    await using returned = await server.restart();
    await standby.printed(/server is back: the standby watches/, waitMs);
    expect(listens(returned.pid, server.httpPort)).toBe(false);
    await expect.poll(() => listens(standby.pid, server.httpPort)).toBe(false);
    expect((await fetch(`http://127.0.0.1:${server.httpPort}/`)).status).toBe(404);
    await endStandby(standby);
  },
);

async function endStandby(standby: CapturedProcess): Promise<void> {
  standby.child.kill('SIGTERM');
  await standby.exited;
}

/** Whether it holds a listening socket of that port (proc_pid_net(5)). */
function listens(pid: number, port: number): boolean {
  const hexPort = port.toString(16).toUpperCase().padStart(4, '0');
  const lines = readFileSync(`/proc/${pid}/net/tcp`, 'utf8').split('\n').slice(1);
  const sockets = lines.map((line) => line.trim().split(/\s+/));
  const inodes = sockets.flatMap((columns) =>
    columns[1]?.endsWith(`:${hexPort}`) === true && columns[3] === '0A' ? [`socket:[${columns[9]}]`] : [],
  );
  return descriptorTargets(pid).some((target) => inodes.includes(target));
}

test('a standby without workers is refused', async () => {
  const refused = await startCaptured(
    serverProgram,
    ['--standby', '--workers', '0', '--data-dir', '/nonexistent'],
    {},
  );
  expect((await refused.closed).code).toBe(2);
  expect(refused.stderr()).toContain('--standby needs workers');
});
