// Real worker processes on shared listening sockets.
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { DeploymentView } from '@tako/proxy';
import { openStore } from '@tako/store';
import { expect, test, vi } from 'vitest';
import { DataPlanes } from '../daemon/data-planes.ts';
import { openListeningSockets } from '../listeners/listening-sockets.ts';
import { createLog } from '../log.ts';
import { MetricsTotals } from '../metrics/metrics-totals.ts';
import { parseCommandLine, resolveOptions } from '../options/options.ts';
import { httpGet } from '../testing/http-get.ts';
import { temporaryDirectory } from '../testing/temporary-directory.ts';
import { createTrafficSwitches } from '../traffic/traffic-switches.ts';
import { WorkerPool, type PoolMember } from './worker-pool.ts';
import { WorkerStarter } from './worker-starter.ts';

async function startUpstream(): Promise<{ port: number } & AsyncDisposable> {
  const server = http.createServer((_request, response) => response.end('from the app'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return { port, [Symbol.asyncDispose]: async () => void server.close() };
}

function viewOf(port: number): DeploymentView {
  return {
    id: 'web',
    app: 'web',
    version: 'v1',
    routes: ['web.example.com'],
    policy: {
      httpsRedirect: false,
      hsts: false,
      bodyBytesMax: 1e6,
      requestsPerClientMax: 100,
      streamIdleMs: 0,
      affinity: 'off',
    },
    traffic: { kind: 'serving' },
    instances: [{ id: 'i1', version: 'v1', host: '127.0.0.1', port, rotation: 'healthy' }],
  };
}

async function startPlanes(size: number) {
  const stack = new AsyncDisposableStack();
  const directory = stack.use(await temporaryDirectory());
  const flags = ['--bind', '127.0.0.1', '--http-port', '0', '--https-port', '0', '--log-level', 'error'];
  const options = resolveOptions(parseCommandLine(flags), {}, {});
  const sockets = stack.use(openListeningSockets(options));
  const log = createLog('error');
  const starter = new WorkerStarter({
    program: process.execPath,
    programArguments: process.execArgv,
    script: path.join(import.meta.dirname, '..', 'worker-main.ts'),
    sockets,
    arguments: {
      runDir: directory.path,
      generation: 1,
      drainMs: 1000,
      logLevel: 'error',
      plane: {
        maxConnections: 1000,
        trustedProxies: [],
        proxyProtocol: 'off',
        accessLog: 'off',
        workers: size,
        lanes: 'all',
        h2c: false,
      },
    },
  });
  const store = openStore({ file: path.join(directory.path, 'state.sqlite3') });
  stack.defer(() => store.close());
  const planes = new DataPlanes({
    size,
    log,
    switches: createTrafficSwitches(store.state),
    metrics: new MetricsTotals(),
    onWake: () => undefined,
    onFailed: () => undefined,
    start: (hooks) => starter.start(hooks),
  });
  const upstream = stack.use(await startUpstream());
  planes.publisher.publish([viewOf(upstream.port)]);
  stack.defer(() => planes.stop(5000));
  await planes.start();
  const port = sockets.all.find((socket) => socket.kind === 'http')?.port ?? 0;
  return { planes, port, runDir: directory.path, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

test('workers serve what the snapshot says and acknowledge its changes', async () => {
  await using running = await startPlanes(2);
  expect(running.planes.workers).toHaveLength(2);
  expect(await httpGet(running.port, 'web.example.com')).toMatchObject({ status: 200, body: 'from the app' });
  const { publisher } = running.planes;
  await publisher.acknowledged(publisher.publish([], ['web']));
  expect(await httpGet(running.port, 'web.example.com')).toMatchObject({ status: 404 });
});

test('a worker that is killed is replaced, and no new connection fails meanwhile', async () => {
  await using running = await startPlanes(2);
  const [first] = running.planes.workers;
  const results: number[] = [];
  for (let count = 0; count < 200; count += 1) {
    if (count === 20) process.kill(first?.pid ?? 0, 'SIGKILL');
    // What is in flight on the killed worker may fail; this loop has at most one request under way.
    results.push(
      await httpGet(running.port, 'web.example.com').then(
        (answer) => answer.status,
        () => 0,
      ),
    );
  }
  expect(results.filter((status) => status !== 200).length).toBeLessThanOrEqual(1);
  await expect.poll(() => running.planes.workers.length, { timeout: 10_000 }).toBe(2);
  expect(running.planes.workers.map((worker) => worker.pid)).not.toContain(first?.pid);
});

test('a cordon holds for the worker that replaces a dead one, until it is lifted', async () => {
  await using running = await startPlanes(1);
  const [first] = running.planes.workers;
  running.planes.cordon(true);
  await expect.poll(async () => (await httpGet(running.port, 'web.example.com')).status).toBe(503);
  process.kill(first?.pid ?? 0, 'SIGKILL');
  await expect
    .poll(() => running.planes.workers.some((worker) => worker.pid !== first?.pid), { timeout: 10_000 })
    .toBe(true);
  expect(await httpGet(running.port, 'web.example.com')).toMatchObject({ status: 503 });
  running.planes.cordon(false);
  await expect.poll(async () => (await httpGet(running.port, 'web.example.com')).status).toBe(200);
});

test('nothing of a worker is left in the run directory after a stop', async () => {
  const running = await startPlanes(1);
  await running.planes.stop(5000);
  await expect
    .poll(async () => (await readdir(running.runDir)).filter((name) => !name.startsWith('state.')))
    .toEqual([]);
  await running[Symbol.asyncDispose]();
});

test('a start that fails is told when the other workers have started, so that they end with it', async () => {
  const started = Promise.withResolvers<PoolMember>();
  const killed: string[] = [];
  const pool = new WorkerPool({
    size: 2,
    start: vi
      .fn<() => Promise<PoolMember>>()
      .mockRejectedValueOnce(new Error('first'))
      .mockReturnValueOnce(started.promise),
    log: createLog('error'),
    greeting: () => [],
    onMessage: () => undefined,
    onGone: () => undefined,
  });
  let outcome = 'under way';
  const failing = pool.start().then(
    () => (outcome = 'started'),
    () => (outcome = 'failed'),
  );
  await nextTurn();
  expect(outcome).toBe('under way');
  started.resolve({
    id: 1,
    pid: 1,
    generation: 1,
    startedAt: 0,
    alive: true,
    exited: Promise.resolve('killed'),
    send: () => undefined,
    kill: (signal) => killed.push(signal),
    detach: () => undefined,
    finish: async () => undefined,
  });
  expect(await failing).toBe('failed');
  expect(pool.members).toHaveLength(1);
  pool.abandon();
  expect(killed).toEqual(['SIGKILL']);
});
