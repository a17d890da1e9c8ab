// Conformance: drains of instances, the lame duck, the cordon, and the limits on connections.
import { describe, expect, test } from 'vitest';
import { startApp } from './test-app.ts';
import { askerOf, headOf, RawClient, statusesOf, statusOf, http1TestOf } from './test-client.ts';
import { instanceAt, startPlane, testHost, until, type LaneUnderTest } from './test-plane.ts';

const host = `Host: ${testHost}`;
const drained = (instance: string, endedStreams = 0, cutConnections = 0): object => ({
  type: 'drained',
  instance,
  endedStreams,
  cutConnections,
});

export function describeDraining(lane: LaneUnderTest): void {
  const ask = askerOf(lane);
  const http1 = http1TestOf(lane);
  describe(`draining (${lane.name})`, () => {
    test('says drained at once where nothing is in flight, and for an instance it does not know', async () => {
      await using app = await startApp();
      await using plane = await startPlane(lane, {
        deployments: [{ instances: [instanceAt(app.port, 'one')] }],
      });
      await ask({ port: plane.port });
      for (const instance of ['one', 'stranger'])
        plane.plane.receive({ type: 'drain', instance, deadlineMs: 10_000 });
      expect(plane.said('drained')).toEqual([drained('one'), drained('stranger')]);
    });

    test('waits for what is in flight, sends nothing new there, and says drained once', async () => {
      const finish: (() => void)[] = [];
      await using old = await startApp((_message, response) => void finish.push(() => response.end('old')));
      await using next = await startApp((_message, response) => response.end('next'));
      await using plane = await startPlane(lane, {
        deployments: [{ instances: [instanceAt(old.port, 'old')] }],
      });
      const under = [ask({ port: plane.port }), ask({ port: plane.port })];
      await until(() => finish.length === 2);
      plane.change([{ instances: [instanceAt(old.port, 'old', 'draining'), instanceAt(next.port, 'next')] }]);
      plane.plane.receive({ type: 'drain', instance: 'old', deadlineMs: 10_000 });
      for (let turn = 0; turn < 5; turn += 1) expect((await ask({ port: plane.port })).body).toBe('next');
      finish[0]?.();
      await Promise.race(under);
      expect(plane.said('drained')).toEqual([]);
      finish[1]?.();
      expect((await Promise.all(under)).map((answer) => answer.body)).toEqual(['old', 'old']);
      expect(await plane.hears('drained')).toEqual(drained('old'));
      // Even when the instance has left the view meanwhile.
      plane.change([{ instances: [instanceAt(next.port, 'next')] }]);
      expect(plane.said('drained')).toHaveLength(1);
    });

    test('lets an event stream go on until the deadline and then ends it properly; cuts what has no answer', async () => {
      await using app = await startApp((message, response) => {
        if (message.url !== '/events') return;
        response.writeHead(200, { 'Content-Type': 'text/event-stream' });
        const timer = setInterval(() => response.write('data: tick\n\n'), 20);
        response.once('close', () => clearInterval(timer));
      });
      await using plane = await startPlane(lane, {
        deployments: [{ instances: [instanceAt(app.port, 'one')] }],
      });
      const events = ask({ port: plane.port, path: '/events' });
      const hanging = ask({ port: plane.port, path: '/hanging' });
      await until(() => app.accepted === 2);
      plane.plane.receive({ type: 'drain', instance: 'one', deadlineMs: 200 });
      expect((await events).body).toMatch(/^(data: tick\n\n){3,}$/);
      expect((await hanging).status).toBe(502);
      expect(await plane.hears('drained')).toEqual(drained('one', 1, 1));
    });

    http1('counts a client that reads slowly as done once the app is', async () => {
      await using app = await startApp((_message, response) => response.end(Buffer.alloc(512 * 1024)));
      await using plane = await startPlane(lane, {
        deployments: [{ instances: [instanceAt(app.port, 'one')] }],
      });
      using client = await RawClient.open(plane.port);
      client.socket.pause();
      client.send(headOf('GET / HTTP/1.1', host));
      await until(
        () => plane.plane.inspect().upstream.idle === 1 || plane.plane.inspect().requests.inFlight === 0,
      );
      plane.plane.receive({ type: 'drain', instance: 'one', deadlineMs: 10_000 });
      expect(plane.said('drained')).toHaveLength(1);
    });
  });

  describe(`lame duck (${lane.name})`, () => {
    http1('answers what still comes with Connection: close, then ends what is idle', async () => {
      await using app = await startApp();
      await using plane = await startPlane(lane, { deployments: [{ instances: [instanceAt(app.port)] }] });
      using kept = await RawClient.open(plane.port);
      kept.send(headOf('GET /1 HTTP/1.1', host));
      await kept.receives((received) => received.includes('"trailers":{}}'));
      using idle = await RawClient.open(plane.port);
      idle.send(headOf('GET /2 HTTP/1.1', host));
      await idle.receives((received) => received.includes('"trailers":{}}'));
      const over = plane.plane.lameDuck({ lameDuckMs: 300, drainMs: 5_000 });
      kept.send(headOf('GET /3 HTTP/1.1', host));
      const received = await kept.ends();
      expect(statusesOf(received)).toEqual([200, 200]);
      expect(received.split('HTTP/1.1 200')[2]).toMatch(/connection: close\r\n/i);
      expect(statusesOf(await idle.ends())).toEqual([200]);
      idle.socket.end();
      kept.socket.end();
      expect(await over).toEqual({ endedStreams: 0, cutConnections: 0 });
      await plane.plane.finished;
      await expect(RawClient.open(plane.port)).rejects.toThrow('ECONNREFUSED');
    });

    test('lets what is in flight finish, ends streams properly and cuts the rest at the deadline', async () => {
      const finish: (() => void)[] = [];
      await using app = await startApp((message, response) => {
        if (message.url === '/slow') finish.push(() => response.end('done'));
        if (message.url !== '/events') return;
        response.writeHead(200, { 'Content-Type': 'text/event-stream' });
        response.write('data: 1\n\n');
      });
      await using plane = await startPlane(lane, { deployments: [{ instances: [instanceAt(app.port)] }] });
      const slow = ask({ port: plane.port, path: '/slow' });
      const events = ask({ port: plane.port, path: '/events' });
      const never = ask({ port: plane.port, path: '/never' });
      await until(() => app.accepted === 3);
      plane.plane.receive({ type: 'lameDuck', lameDuckMs: 50, drainMs: 400 });
      await until(() => plane.plane.inspect().connections.open === 3);
      finish[0]?.();
      expect((await slow).body).toBe('done');
      expect((await events).body).toBe('data: 1\n\n');
      expect((await never).status).toBe(502);
      expect(await plane.plane.lameDuck({ lameDuckMs: 0, drainMs: 0 })).toEqual({
        endedStreams: 1,
        cutConnections: 1,
      });
    });
  });

  describe(`connections (${lane.name})`, () => {
    http1(
      'parks those beyond the limit and serves them as others end; refuses past the queue and past its time',
      async () => {
        await using app = await startApp();
        await using plane = await startPlane(lane, {
          deployments: [{ instances: [instanceAt(app.port)] }],
          options: { maxConnections: 2, limits: { parkedConnectionsMax: 1, parkedTimeoutMs: 300 } },
        });
        const first = await RawClient.open(plane.port);
        using second = await RawClient.open(plane.port);
        await until(() => plane.plane.inspect().connections.open === 2);
        using parked = await RawClient.open(plane.port);
        parked.send(headOf('GET / HTTP/1.1', host, 'Connection: close'));
        await until(() => plane.plane.inspect().connections.parked === 1);
        using refused = await RawClient.open(plane.port);
        refused.send(headOf('GET / HTTP/1.1', host));
        const told = await refused.ends();
        expect(statusOf(told)).toBe(503);
        expect(told).toMatch(/retry-after: 1\r\n/i);
        expect(app.seen).toHaveLength(0);
        first.socket.destroy();
        expect(statusOf(await parked.ends())).toBe(200);
        parked.socket.destroy();
        using third = await RawClient.open(plane.port);
        await until(() => plane.plane.inspect().connections.open === 2);
        using late = await RawClient.open(plane.port);
        expect(statusOf(await late.ends())).toBe(503);
        expect([second.ended, third.ended]).toEqual([false, false]);
      },
    );

    http1('serves the last request that a connection may carry, and says so', async () => {
      await using app = await startApp();
      await using plane = await startPlane(lane, {
        deployments: [{ instances: [instanceAt(app.port)] }],
        options: { limits: { requestsPerConnectionMax: 2 } },
      });
      using client = await RawClient.open(plane.port);
      for (const path of ['/1', '/2']) {
        const before = client.received.split('"trailers":{}}').length;
        client.send(headOf(`GET ${path} HTTP/1.1`, host));
        await client.receives((received) => received.split('"trailers":{}}').length > before);
      }
      const received = await client.ends();
      expect(statusesOf(received)).toEqual([200, 200]);
      expect(received.match(/connection: close/gi)).toHaveLength(1);
    });

    test('tells new connections of a cordoned server to go elsewhere', async () => {
      await using app = await startApp();
      await using plane = await startPlane(lane, { deployments: [{ instances: [instanceAt(app.port)] }] });
      plane.plane.receive({ type: 'cordon', on: true });
      const turned = await ask({ port: plane.port });
      // HTTP/2 says it by GOAWAY.
      const connection = lane.client === 'http2' ? undefined : 'close';
      expect([turned.status, turned.headers['connection']]).toEqual([503, connection]);
      plane.plane.receive({ type: 'cordon', on: false });
      expect((await ask({ port: plane.port })).status).toBe(200);
    });

    http1('refuses heads past each limit with 431, and takes them at it', async () => {
      await using app = await startApp(
        (_message, response) => response.end('ok'),
        (server) => {
          server.maxHeadersCount = 0;
        },
      );
      await using plane = await startPlane(lane, {
        deployments: [{ instances: [instanceAt(app.port)] }],
        options: { limits: { headFieldsMax: 10, headLineBytesMax: 200, headBytesMax: 1_000 } },
      });
      const statusFor = async (...lines: string[]): Promise<number> => {
        using client = await RawClient.open(plane.port);
        client.send(headOf('GET / HTTP/1.1', host, 'Connection: close', ...lines));
        return statusOf(await client.ends());
      };
      const fields = (count: number): string[] =>
        Array.from({ length: count }, (_, index) => `X-${index}: 1`);
      expect(await statusFor(...fields(8))).toBe(200);
      expect(await statusFor(...fields(9))).toBe(431);
      expect(await statusFor(`X: ${'y'.repeat(197)}`)).toBe(200);
      expect(await statusFor(`X: ${'y'.repeat(198)}`)).toBe(431);
      expect(await statusFor(...fields(6).map((field) => field + 'y'.repeat(140)))).toBe(200);
      expect(await statusFor(...fields(6).map((field) => field + 'y'.repeat(160)))).toBe(431);
      expect(
        await statusFor(...Array.from({ length: 50 }, (_, index) => `X-${index}: ${'y'.repeat(100)}`)),
      ).toBe(431);
    });
  });
}
