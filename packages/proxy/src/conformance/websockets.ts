// Conformance: upgraded connections, under the same guard, drain and headers as any request.
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { refusingPort, startApp, startRawApp, type TestApp } from './test-app.ts';
import { headOf, RawClient, statusOf } from './test-client.ts';
import { instanceAt, startPlane, testHost, until, type LaneUnderTest, type TestPlane } from './test-plane.ts';

/** Echoes every message; `seen` gets what happened to each connection. */
async function startEcho(seen: string[] = []): Promise<TestApp> {
  return await startApp(
    (_message, response) => response.writeHead(426).end('upgrade, please'),
    (server) => {
      const sockets = new WebSocketServer({ server });
      sockets.on('connection', (socket, message) => {
        seen.push(`open ${message.url ?? ''} ${String(message.headers['x-forwarded-for'])}`);
        socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
        socket.on('close', (code) => seen.push(`close ${code}`));
      });
    },
  );
}

const openSocket = async (plane: TestPlane, path = '/'): Promise<WebSocket> => {
  const socket = new WebSocket(`ws://127.0.0.1:${plane.port}${path}`, { headers: { host: testHost } });
  await once(socket, 'open');
  return socket;
};

const upgradeHead = headOf(
  'GET /chat HTTP/1.1',
  `Host: ${testHost}`,
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
);

export function describeWebSockets(lane: LaneUnderTest): void {
  describe(`WebSockets (${lane.name})`, () => {
    test('carries messages both ways, small and large, with our headers', async () => {
      const seen: string[] = [];
      await using app = await startEcho(seen);
      await using plane = await startPlane(lane, { deployments: [{ instances: [instanceAt(app.port)] }] });
      const socket = await openSocket(plane, '/chat?room=1');
      const large = randomBytes(2 * 1024 * 1024);
      const sum = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
      for (const message of [Buffer.from('hi'), large]) {
        socket.send(message);
        const [data] = (await once(socket, 'message')) as [Buffer];
        expect(sum(data)).toBe(sum(message));
      }
      expect(seen).toEqual(['open /chat?room=1 127.0.0.1']);
      expect(plane.plane.inspect().requests.inFlight).toBe(1);
      socket.close(1000);
      await until(() => seen.length === 2 && plane.plane.inspect().requests.inFlight === 0);
      expect(seen[1]).toBe('close 1000');
    });

    test('puts the request id and Via into the answer to the upgrade', async () => {
      await using app = await startEcho();
      await using plane = await startPlane(lane, { deployments: [{ instances: [instanceAt(app.port)] }] });
      using client = await RawClient.open(plane.port);
      client.send(upgradeHead);
      const received = await client.receives((text) => text.includes('\r\n\r\n'));
      expect(statusOf(received)).toBe(101);
      expect(received).toMatch(/sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=/i);
      expect(received).toMatch(/x-request-id: [0-9a-f-]{36}\r\n/i);
      expect(received).toMatch(/via: 1\.1 tako\r\n/i);
    });

    test('answers an upgrade that has no route, or is not for HTTP here, like any request', async () => {
      await using plane = await startPlane(lane, {
        deployments: [{ policy: { httpsRedirect: true } }],
        options: { httpsPort: 8443 },
      });
      using redirected = await RawClient.open(plane.port);
      redirected.send(upgradeHead);
      const received = await redirected.ends();
      expect(statusOf(received)).toBe(308);
      expect(received).toContain(`Location: https://${testHost}:8443/chat`);
      using unknown = await RawClient.open(plane.port);
      unknown.send(upgradeHead.replace(testHost, 'nobody.example.org'));
      expect(statusOf(await unknown.ends())).toBe(404);
    });

    test('passes on the refusal of an app', async () => {
      await using app = await startApp((_message, response) =>
        response.writeHead(403, { 'Content-Length': 2 }).end('no'),
      );
      await using plane = await startPlane(lane, { deployments: [{ instances: [instanceAt(app.port)] }] });
      using client = await RawClient.open(plane.port);
      client.send(upgradeHead);
      const received = await client.ends();
      expect(statusOf(received)).toBe(403);
      expect(received).toMatch(/\r\n\r\nno$/);
      await until(() => plane.plane.inspect().requests.inFlight === 0);
    });

    test('tries another instance after a refused connect, and answers 502 to a reset and 504 to silence', async () => {
      await using app = await startEcho();
      await using rude = await startRawApp((socket) => socket.once('data', () => socket.resetAndDestroy()));
      await using mute = await startRawApp(() => undefined);
      await using plane = await startPlane(lane, {
        deployments: [
          { instances: [instanceAt(await refusingPort(), 'dead'), instanceAt(app.port)] },
          { id: 'rude', routes: ['rude.example.com'], instances: [instanceAt(rude.port, 'rude')] },
          { id: 'mute', routes: ['mute.example.com'], instances: [instanceAt(mute.port, 'mute')] },
        ],
        options: { limits: { responseHeadTimeoutMs: 1_000 } },
      });
      for (let turn = 0; turn < 2; turn += 1) (await openSocket(plane)).close();
      const statusFor = async (name: string): Promise<number> => {
        using client = await RawClient.open(plane.port);
        client.send(upgradeHead.replace('app.example.com', name));
        return statusOf(await client.ends());
      };
      expect(await statusFor('rude.example.com')).toBe(502);
      expect(await statusFor('mute.example.com')).toBe(504);
      expect(plane.said('failed').map(({ instance, reason }) => `${instance} ${reason}`)).toEqual([
        'dead refused',
        'rude reset',
        'mute timeout',
      ]);
    });

    test('treats other upgrades as ordinary requests', async () => {
      await using app = await startApp();
      await using plane = await startPlane(lane, { deployments: [{ instances: [instanceAt(app.port)] }] });
      using client = await RawClient.open(plane.port);
      client.send(
        headOf(
          'GET / HTTP/1.1',
          `Host: ${testHost}`,
          'Connection: Upgrade, HTTP2-Settings, close',
          'Upgrade: h2c',
          'HTTP2-Settings: x',
        ),
      );
      expect(statusOf(await client.ends())).toBe(200);
      expect(app.seen[0]?.headers['upgrade']).toBeUndefined();
      expect(app.seen[0]?.headers['http2-settings']).toBeUndefined();
    });

    test('ends properly at the drain deadline: 1001 to both sides', async () => {
      const seen: string[] = [];
      await using app = await startEcho(seen);
      await using plane = await startPlane(lane, {
        deployments: [{ instances: [instanceAt(app.port, 'one')] }],
      });
      const socket = await openSocket(plane);
      plane.change([{ instances: [instanceAt(app.port, 'one', 'draining')] }]);
      plane.plane.receive({ type: 'drain', instance: 'one', deadlineMs: 150 });
      socket.send('still here');
      await once(socket, 'message');
      expect(plane.said('drained')).toEqual([]);
      const [code] = (await once(socket, 'close')) as [number];
      expect(code).toBe(1001);
      expect(await plane.hears('drained')).toEqual({
        type: 'drained',
        instance: 'one',
        endedStreams: 1,
        cutConnections: 0,
      });
      await until(() => seen.length === 2);
      expect(seen[1]).toBe('close 1001');
    });

    test('cuts a WebSocket in the middle of a frame, and counts it so', async () => {
      await using app = await startRawApp((socket) => {
        socket.once('data', () => {
          socket.write(
            headOf('HTTP/1.1 101 Switching Protocols', 'Connection: Upgrade', 'Upgrade: websocket'),
          );
          // The head of a frame of 100 octets, and no more of it.
          socket.write(Buffer.from([0x82, 100, 1, 2, 3]));
        });
      });
      await using plane = await startPlane(lane, {
        deployments: [{ instances: [instanceAt(app.port, 'one')] }],
        options: { limits: { politeEndMs: 100 } },
      });
      using client = await RawClient.open(plane.port);
      client.send(upgradeHead);
      await client.receives((text) => text.endsWith('\x82\x64\x01\x02\x03'));
      plane.plane.receive({ type: 'drain', instance: 'one', deadlineMs: 10 });
      await client.ends();
      expect(client.received.endsWith('\x82\x64\x01\x02\x03')).toBe(true);
      expect(await plane.hears('drained')).toEqual({
        type: 'drained',
        instance: 'one',
        endedStreams: 0,
        cutConnections: 1,
      });
    });

    test('ends a WebSocket that is idle past the limit of its route, and no other', async () => {
      await using app = await startEcho();
      await using plane = await startPlane(lane, {
        deployments: [{ instances: [instanceAt(app.port)], policy: { streamIdleMs: 200 } }],
      });
      const socket = await openSocket(plane);
      const timer = setInterval(() => socket.send('x'), 40);
      const raced = await Promise.race([
        once(socket, 'close').then(() => 'closed'),
        new Promise((resolve) => setTimeout(resolve, 500, 'open')),
      ]);
      clearInterval(timer);
      expect(raced).toBe('open');
      expect((await once(socket, 'close'))[0]).toBe(1001);
    });

    test('releases everything when the client vanishes', async () => {
      const seen: string[] = [];
      await using app = await startEcho(seen);
      await using plane = await startPlane(lane, { deployments: [{ instances: [instanceAt(app.port)] }] });
      const socket = connect(plane.port, '127.0.0.1');
      socket.write(upgradeHead);
      await once(socket, 'data');
      socket.resetAndDestroy();
      await until(() => plane.plane.inspect().requests.inFlight === 0 && app.sockets.size === 0);
      expect(seen).toContain('close 1006');
    });
  });
}
