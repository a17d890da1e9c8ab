// Conformance: instances that speak HTTP/2 in clear text: balanced, drained, passed over, and asked for what they cannot
// do.
import { once } from 'node:events';
import type { ServerHttp2Stream } from 'node:http2';
import { describe, expect, test } from 'vitest';
import { answerWith, bodyOf, startH2cApp } from '../upstream/testing/h2c-app.ts';
import { Http2TestSession } from './http2-client.ts';
import { refusingPort, startApp } from './test-app.ts';
import { askerOf, headOf, http1TestOf, http2TestOf, RawClient, statusOf } from './test-client.ts';
import { h2cInstanceAt, startPlane, testHost, until, type LaneUnderTest } from './test-plane.ts';

const host = `Host: ${testHost}`;

export function describeH2cInstances(lane: LaneUnderTest): void {
  const ask = askerOf(lane);
  const http1 = http1TestOf(lane);
  const http2 = http2TestOf(lane);

  describe(`instances of HTTP/2 apps (${lane.name})`, () => {
    test('an app that closes its connections politely under load loses no request', async () => {
      let served = 0;
      await using app = await startH2cApp((stream) => {
        served += 1;
        const { session } = stream;
        // RFC 9113 §6.8: what it has not looked at by then is sent again.
        if (served % 20 === 0) session?.close();
        void bodyOf(stream).then((body) => answerWith(stream, body.toString()));
      });
      await using plane = await startPlane(lane, { deployments: [{ instances: [h2cInstanceAt(app.port)] }] });
      const one = async (): Promise<number> => {
        let good = 0;
        for (let turn = 0; turn < 40; turn += 1) {
          const { status, body } = await ask({ port: plane.port, method: 'POST', body: `${turn}` });
          if (status === 200 && body === `${turn}`) good += 1;
        }
        return good;
      };
      expect(await Promise.all([one(), one(), one(), one(), one(), one()])).toEqual([40, 40, 40, 40, 40, 40]);
      expect(app.accepted()).toBeGreaterThan(5);
    });

    test('an instance that refuses connections is passed over and reported', async () => {
      await using app = await startH2cApp((stream) => answerWith(stream, 'here'));
      const instances = [h2cInstanceAt(await refusingPort(), 'gone'), h2cInstanceAt(app.port, 'here')];
      await using plane = await startPlane(lane, { deployments: [{ instances }] });
      for (let turn = 0; turn < 6; turn += 1) expect((await ask({ port: plane.port })).body).toBe('here');
      expect(await plane.hears('failed')).toMatchObject({ instance: 'gone', reason: 'refused' });
    });

    test('an app that speaks HTTP/1.1 after all is 502', async () => {
      await using app = await startApp();
      await using plane = await startPlane(lane, { deployments: [{ instances: [h2cInstanceAt(app.port)] }] });
      expect((await ask({ port: plane.port })).status).toBe(502);
    });

    test('instances of both protocols serve one deployment, as in a rollout that changes it', async () => {
      await using old = await startApp((_message, response) => response.end('http1'));
      await using next = await startH2cApp((stream) => answerWith(stream, 'h2c'));
      const instances = [
        { ...h2cInstanceAt(old.port), protocol: 'http1' as const },
        h2cInstanceAt(next.port),
      ];
      await using plane = await startPlane(lane, { deployments: [{ instances }] });
      const bodies = new Set<string>();
      for (let turn = 0; turn < 12; turn += 1) bodies.add((await ask({ port: plane.port })).body);
      expect([...bodies].sort()).toEqual(['h2c', 'http1']);
    });

    test('a drain waits for the streams under way and lets go of the connection', async () => {
      const held: ServerHttp2Stream[] = [];
      await using old = await startH2cApp((stream) => void held.push(stream));
      await using next = await startH2cApp((stream) => answerWith(stream, 'next'));
      await using plane = await startPlane(lane, {
        deployments: [{ instances: [h2cInstanceAt(old.port, 'old')] }],
      });
      const under = [ask({ port: plane.port }), ask({ port: plane.port })];
      await until(() => held.length === 2);
      plane.change([
        { instances: [h2cInstanceAt(old.port, 'old', 'draining'), h2cInstanceAt(next.port, 'next')] },
      ]);
      plane.plane.receive({ type: 'drain', instance: 'old', deadlineMs: 10_000 });
      expect((await ask({ port: plane.port })).body).toBe('next');
      expect(plane.said('drained')).toEqual([]);
      for (const stream of held) answerWith(stream, 'old');
      expect((await Promise.all(under)).map(({ body }) => body)).toEqual(['old', 'old']);
      expect(await plane.hears('drained')).toMatchObject({ instance: 'old', cutConnections: 0 });
      await until(() => old.sessions.size === 0);
    });

    http2('a WebSocket over HTTP/2 is refused in so many words', async () => {
      await using app = await startH2cApp((stream) => answerWith(stream, 'never'));
      await using plane = await startPlane(lane, { deployments: [{ instances: [h2cInstanceAt(app.port)] }] });
      using client = new Http2TestSession({ port: plane.port });
      const stream = client.open({
        ':method': 'CONNECT',
        ':protocol': 'websocket',
        ':scheme': 'http',
        ':path': '/',
        'sec-websocket-version': '13',
      });
      const [fields] = (await once(stream, 'response')) as [{ ':status': number }];
      expect(fields[':status']).toBe(502);
      expect(app.seen).toEqual([]);
    });

    http1('a WebSocket is refused in so many words', async () => {
      await using app = await startH2cApp((stream) => answerWith(stream, 'never'));
      await using plane = await startPlane(lane, { deployments: [{ instances: [h2cInstanceAt(app.port)] }] });
      using client = await RawClient.open(plane.port);
      client.send(
        headOf(
          'GET / HTTP/1.1',
          host,
          'Connection: Upgrade',
          'Upgrade: websocket',
          'Sec-WebSocket-Version: 13',
          'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
        ),
      );
      const received = await client.ends();
      expect(statusOf(received)).toBe(502);
      expect(received).toContain('takes no WebSockets');
      expect(app.seen).toEqual([]);
      await until(() => plane.plane.inspect().requests.inFlight === 0);
    });
  });
}
