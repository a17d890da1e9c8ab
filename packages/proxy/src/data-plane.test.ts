// Listening in each of its forms, sharing one socket, and what a lane must not be able to break.
import { once } from 'node:events';
import { BoundSocket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { describe, expect, test } from 'vitest';
import { refusingPort, startApp } from './conformance/test-app.ts';
import { startPlaneProcess } from './conformance/start-plane-process.ts';
import { makeCertificate } from './conformance/test-certificates.ts';
import { ask, headOf } from './conformance/test-client.ts';
import {
  deploymentOf,
  instanceAt,
  startPlane,
  testHost,
  TestPlane,
  until,
} from './conformance/test-plane.ts';

const lane = { name: 'general lane', lanes: 'general' } as const;

describe('a data plane', () => {
  test('listens on a bound socket', async () => {
    await using app = await startApp();
    await using plane = await startPlane(lane, { deployments: [{ instances: [instanceAt(app.port)] }] });
    const { address } = await plane.plane.listen({
      kind: 'http',
      handle: new BoundSocket({ host: '127.0.0.1', port: 0 }),
    });
    expect((await ask({ port: 'port' in address ? address.port : 0 })).status).toBe(200);
  });

  test(
    'shares an inherited listener with its successor: not one request fails while one takes over',
    { timeout: 60_000 },
    async () => {
      await using app = await startApp();
      const bound = new BoundSocket({ host: '127.0.0.1', port: 0 });
      const { port } = bound.address();
      const failures: unknown[] = [];
      let ok = 0;
      const over = new AbortController();
      const client = async (): Promise<void> => {
        while (!over.signal.aborted) {
          await ask({ port }).then(
            (answer) => (answer.status === 200 ? (ok += 1) : failures.push(answer.status)),
            (error: unknown) => failures.push(error),
          );
        }
      };
      let serving = await startPlaneProcess(app.port, bound.fd());
      const clients = Array.from({ length: 4 }, client);
      for (let handover = 0; handover < 3; handover += 1) {
        const before = ok;
        await until(() => ok > before + 50);
        const next = await startPlaneProcess(app.port, bound.fd());
        const gone = once(serving, 'exit');
        serving.kill('SIGTERM');
        expect(await gone).toEqual([0, null]);
        serving = next;
      }
      over.abort();
      await Promise.all(clients);
      serving.kill('SIGKILL');
      bound.close();
      expect(failures).toEqual([]);
      expect(ok).toBeGreaterThan(150);
    },
  );

  test('tells why it cannot listen, and goes on', async () => {
    await using plane = await startPlane(lane, { deployments: [] });
    await expect(plane.plane.listen({ kind: 'http', port: plane.port, host: '127.0.0.1' })).rejects.toThrow(
      'EADDRINUSE',
    );
    expect((await ask({ port: plane.port })).status).toBe(404);
  });

  test('leaves out a route it cannot read and serves the others', async () => {
    await using app = await startApp();
    await using plane = await startPlane(lane, {
      deployments: [{ routes: ['not a route', testHost], instances: [instanceAt(app.port)] }],
    });
    expect((await ask({ port: plane.port })).status).toBe(200);
    expect(plane.reports).toMatchObject([
      { level: 'error', sentence: 'route left out', facts: { route: 'not a route' } },
    ]);
  });

  test('survives a message that it cannot apply, and asks for a whole snapshot', async () => {
    await using app = await startApp();
    await using plane = await startPlane(lane, { deployments: [{ instances: [instanceAt(app.port)] }] });
    const broken = { ...deploymentOf({}), routes: null } as unknown as ReturnType<typeof deploymentOf>;
    plane.plane.receive({
      type: 'delta',
      delta: { base: 1, version: 2, deployments: [broken], removed: [] },
    });
    expect(plane.said('resync')).toEqual([{ type: 'resync', have: 1 }]);
    expect((await ask({ port: plane.port })).status).toBe(200);
    plane.plane.receive({ type: 'ping', nonce: 5 });
    expect(plane.said('pong')).toEqual([{ type: 'pong', nonce: 5 }]);
  });

  test('keeps counts, waiters and requests in flight through a whole snapshot of another numbering', async () => {
    const finish: (() => void)[] = [];
    await using app = await startApp((_message, response) => void finish.push(() => response.end('ok')));
    const deployments = [{ instances: [instanceAt(app.port, 'one')] }];
    await using plane = await startPlane(lane, { deployments });
    const under = ask({ port: plane.port });
    await until(() => finish.length === 1);
    plane.plane.receive({
      type: 'snapshot',
      snapshot: {
        version: 900,
        deployments: deployments.map(deploymentOf),
        certificates: [],
        challenges: [],
      },
    });
    plane.plane.receive({ type: 'drain', instance: 'one', deadlineMs: 5_000 });
    expect(plane.said('drained')).toEqual([]);
    finish[0]?.();
    expect((await under).status).toBe(200);
    await plane.hears('drained');
    expect(plane.plane.inspect().version).toBe(900);
  });

  test('applies head and keep-alive deadlines over TLS too', async () => {
    const certificates = [await makeCertificate(['default.invalid'], true)];
    await using plane = await startPlane(lane, {
      deployments: [],
      certificates,
      https: true,
      options: { limits: { headTimeoutMs: 200, keepAliveTimeoutMs: 300 } },
    });
    const received = async (...parts: string[]): Promise<string> => {
      const socket = connectTls({ port: plane.httpsPort, rejectUnauthorized: false });
      let text = '';
      socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
      socket.on('error', () => undefined);
      await once(socket, 'secureConnect');
      socket.write(parts[0] ?? '');
      if (parts[1] !== undefined) {
        await until(() => text.includes('</html>'));
        socket.write(parts[1]);
      }
      await once(socket, 'end');
      socket.destroy();
      return [...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map((match) => match[1]).join(' ');
    };
    expect(await received('GET / HTT')).toBe('408');
    expect(await received(headOf('GET / HTTP/1.1', 'Host: x.org'))).toBe('404');
    expect(await received(headOf('GET / HTTP/1.1', 'Host: x.org'), 'GET /')).toBe('404 408');
  });

  test('holds nothing after many requests of every kind', async () => {
    await using app = await startApp((message, response) => {
      if (message.url === '/reset') response.destroy();
      else message.pipe(response);
    });
    await using plane = await startPlane(lane, {
      deployments: [{ instances: [instanceAt(app.port), instanceAt(await refusingPort(), 'dead')] }],
    });
    const one = (turn: number): Promise<unknown> =>
      ask({
        port: plane.port,
        method: turn % 2 === 0 ? 'GET' : 'POST',
        path: turn % 5 === 0 ? '/reset' : '/ok',
        ...(turn % 2 === 0 ? {} : { body: 'x'.repeat(turn) }),
      }).catch((error: unknown) => error);
    for (let round = 0; round < 10; round += 1)
      await Promise.all(Array.from({ length: 50 }, (_, turn) => one(turn)));
    await until(
      () => plane.plane.inspect().requests.inFlight === 0 && plane.plane.inspect().connections.open === 0,
    );
    expect(plane.plane.inspect().requests).toEqual({ inFlight: 0, waiting: 0, clients: 0 });
    expect(plane.plane.inspect().upstream.busy).toBe(0);
  });

  test('closes at once, with requests under way, and may be closed twice', async () => {
    await using app = await startApp(() => undefined);
    const plane = await startPlane(lane, { deployments: [{ instances: [instanceAt(app.port)] }] });
    expect(plane).toBeInstanceOf(TestPlane);
    const under = ask({ port: plane.port }).catch((error: NodeJS.ErrnoException) => error.code);
    await until(() => app.accepted === 1);
    await plane.plane.close();
    await plane.plane.close();
    await plane.plane.finished;
    expect(await under).toBe('ECONNRESET');
    await until(() => app.sockets.size === 0);
  });
});
