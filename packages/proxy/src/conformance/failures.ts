// Conformance: how a request fails, and what the control process hears of the instance that failed it.
import type { Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { refusingPort, startApp, startRawApp } from './test-app.ts';
import { askerOf, headOf, RawClient, statusesOf, statusOf, http1TestOf } from './test-client.ts';
import { instanceAt, startPlane, testHost, until, type LaneUnderTest } from './test-plane.ts';

const host = `Host: ${testHost}`;
const shortLimits = {
  headTimeoutMs: 200,
  bodyIdleTimeoutMs: 200,
  keepAliveTimeoutMs: 200,
  responseHeadTimeoutMs: 200,
};

export function describeFailures(lane: LaneUnderTest): void {
  const ask = askerOf(lane);
  const http1 = http1TestOf(lane);
  describe(`failures (${lane.name})`, () => {
    test('sends a refused request to another instance, body and all, and reports the first', async () => {
      await using app = await startApp();
      const dead = instanceAt(await refusingPort(), 'dead');
      await using plane = await startPlane(lane, {
        deployments: [{ instances: [dead, instanceAt(app.port)] }],
      });
      for (const method of ['GET', 'POST', 'GET', 'POST']) {
        const answer = await ask({
          port: plane.port,
          method,
          ...(method === 'POST' ? { body: 'hello' } : {}),
        });
        expect(answer.status).toBe(200);
      }
      expect(app.seen.map((seen) => seen.body)).toEqual(['', 'hello', '', 'hello']);
      expect(await plane.hears('failed')).toEqual({ type: 'failed', instance: 'dead', reason: 'refused' });
      expect(app.seen).toHaveLength(4);
    });

    test('answers 502 when the app resets before its head, and reports it', async () => {
      await using app = await startRawApp((socket) => socket.once('data', () => socket.resetAndDestroy()));
      await using plane = await startPlane(lane, {
        deployments: [{ instances: [instanceAt(app.port, 'one')] }],
      });
      expect((await ask({ port: plane.port, method: 'POST', body: 'x' })).status).toBe(502);
      expect(await plane.hears('failed')).toEqual({ type: 'failed', instance: 'one', reason: 'reset' });
    });

    test('answers 502 to what is no HTTP', async () => {
      await using app = await startRawApp((socket) => socket.once('data', () => socket.end('SSH-2.0-x\r\n')));
      await using plane = await startPlane(lane, { deployments: [{ instances: [instanceAt(app.port)] }] });
      expect((await ask({ port: plane.port })).status).toBe(502);
    });

    test('repeats a GET on a fresh connection when a kept one died, and a POST not', async () => {
      // Serves one request per connection, then closes it the moment the next one comes.
      let connections = 0;
      const serve = (socket: Socket): void => {
        connections += 1;
        let requests = 0;
        socket.on('data', () => {
          requests += 1;
          if (requests > 1) socket.destroy();
          else socket.write(headOf('HTTP/1.1 200 OK', 'Content-Length: 0', 'Keep-Alive: timeout=30'));
        });
      };
      await using app = await startRawApp(serve);
      await using plane = await startPlane(lane, { deployments: [{ instances: [instanceAt(app.port)] }] });
      expect((await ask({ port: plane.port })).status).toBe(200);
      expect((await ask({ port: plane.port })).status).toBe(200);
      expect(connections).toBe(2);
      expect((await ask({ port: plane.port, method: 'POST', body: 'x' })).status).toBe(502);
    });

    test('answers 504 when the app says nothing, and reports a time-out', async () => {
      await using app = await startApp(() => undefined);
      await using plane = await startPlane(lane, {
        deployments: [{ instances: [instanceAt(app.port, 'mute')] }],
        options: { limits: shortLimits },
      });
      expect((await ask({ port: plane.port })).status).toBe(504);
      expect(await plane.hears('failed')).toEqual({ type: 'failed', instance: 'mute', reason: 'timeout' });
    });

    test('breaks off a response that stands still, but not an event stream', async () => {
      await using app = await startApp((message, response) => {
        if (message.url === '/events') response.setHeader('Content-Type', 'text/event-stream');
        response.write('data: 1\n\n');
        if (message.url === '/events') setTimeout(() => response.end('data: 2\n\n'), 600);
      });
      await using plane = await startPlane(lane, {
        deployments: [{ instances: [instanceAt(app.port)] }],
        options: { limits: shortLimits },
      });
      await expect(ask({ port: plane.port })).rejects.toThrow(/aborted|socket hang up|ECONNRESET/);
      expect((await ask({ port: plane.port, path: '/events' })).body).toBe('data: 1\n\ndata: 2\n\n');
    });

    http1('answers 408 to a head that never ends, octet by octet or not at all', async () => {
      await using app = await startApp();
      await using plane = await startPlane(lane, {
        deployments: [{ instances: [instanceAt(app.port)] }],
        options: { limits: shortLimits },
      });
      using slow = await RawClient.open(plane.port);
      slow.send('GET / HTTP/1.1\r\n');
      const timer = setInterval(() => slow.send('x'), 20);
      expect(statusOf(await slow.ends())).toBe(408);
      clearInterval(timer);
      using silent = await RawClient.open(plane.port);
      expect(await silent.ends()).toBe('');
    });

    http1('ends a kept connection after its idle time, and one whose next head never ends', async () => {
      await using app = await startApp();
      await using plane = await startPlane(lane, {
        deployments: [{ instances: [instanceAt(app.port)] }],
        options: { limits: { ...shortLimits, keepAliveTimeoutMs: 300 } },
      });
      using idle = await RawClient.open(plane.port);
      idle.send(headOf('GET / HTTP/1.1', host));
      expect(statusesOf(await idle.ends())).toEqual([200]);
      using slow = await RawClient.open(plane.port);
      slow.send(headOf('GET / HTTP/1.1', host));
      await slow.receives((received) => received.includes('"trailers":{}}'));
      slow.send('GET /next HTTP/1.1\r\n');
      expect(statusesOf(await slow.ends())).toEqual([200, 408]);
    });

    http1('answers 408 to a body that stands still or trickles', async () => {
      await using app = await startApp();
      await using plane = await startPlane(lane, {
        deployments: [{ instances: [instanceAt(app.port)] }],
        options: {
          limits: {
            ...shortLimits,
            bodyRateWindowMs: 300,
            bodyIdleTimeoutMs: 400,
            responseHeadTimeoutMs: 5_000,
          },
        },
      });
      using still = await RawClient.open(plane.port);
      still.send(headOf('POST / HTTP/1.1', host, 'Content-Length: 10') + 'x'.repeat(5));
      expect(statusOf(await still.ends())).toBe(408);
      using trickle = await RawClient.open(plane.port);
      trickle.send(headOf('POST / HTTP/1.1', host, 'Content-Length: 100000'));
      const timer = setInterval(() => trickle.send('x'), 20);
      expect(statusOf(await trickle.ends())).toBe(408);
      clearInterval(timer);
      await until(() => plane.plane.inspect().requests.inFlight === 0);
    });

    test('waits for a healthy instance, then answers 503 with Retry-After', async () => {
      await using app = await startApp();
      await using plane = await startPlane(lane, {
        deployments: [{ instances: [] }],
        options: { limits: { waitingTimeoutMs: 300 } },
      });
      const late = await ask({ port: plane.port });
      expect([late.status, late.headers['retry-after']]).toEqual([503, '1']);
      const waiting = ask({ port: plane.port, method: 'POST', body: 'held' });
      await until(() => plane.plane.inspect().requests.waiting === 1);
      plane.change([{ instances: [instanceAt(app.port)] }]);
      expect((await waiting).status).toBe(200);
      expect(app.seen[0]?.body).toBe('held');
    });

    test('answers 503 past the number that may wait', async () => {
      await using plane = await startPlane(lane, {
        deployments: [{ instances: [] }],
        options: { limits: { waitingRequestsMax: 2, waitingTimeoutMs: 1_000 } },
      });
      const held = [ask({ port: plane.port }), ask({ port: plane.port })];
      await until(() => plane.plane.inspect().requests.waiting === 2);
      const refused = await ask({ port: plane.port });
      expect([refused.status, refused.headers['retry-after']]).toEqual([503, '1']);
      expect(plane.plane.inspect().requests.waiting).toBe(2);
      expect((await Promise.all(held)).map((answer) => answer.status)).toEqual([503, 503]);
    });
  });
}
