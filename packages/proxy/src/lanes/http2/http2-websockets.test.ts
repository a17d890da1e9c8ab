// WebSockets over HTTP/2 (RFC 8441): extended CONNECT on a stream, an upgraded HTTP/1.1 connection at the app, and the
// same guard, drain and failures as anywhere.
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { constants, type ClientHttp2Stream } from 'node:http2';
import { describe, expect, test } from 'vitest';
import { WebSocketServer } from 'ws';
import { answerOf, Http2TestSession } from '../../conformance/http2-client.ts';
import { http2Lanes } from '../../conformance/http2-lanes.ts';
import { refusingPort, startApp, startRawApp, type TestApp } from '../../conformance/test-app.ts';
import { headOf } from '../../conformance/test-client.ts';
import { instanceAt, standsStill, startPlane, until, type TestPlane } from '../../conformance/test-plane.ts';

async function startEcho(seen: string[] = []): Promise<TestApp> {
  return await startApp(
    (_message, response) => response.writeHead(426, { 'Content-Length': 2 }).end('no'),
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

/** Bytes of the tunnel as they come. */
class WebSocketStream {
  readonly stream: ClientHttp2Stream;
  received = Buffer.alloc(0);
  status = 0;
  headers: Readonly<Record<string, unknown>> = {};

  constructor(client: Http2TestSession, headers: Record<string, string> = {}) {
    this.stream = client.open({
      ':method': 'CONNECT',
      ':protocol': 'websocket',
      ':scheme': 'http',
      ':path': '/chat?room=1',
      'sec-websocket-version': '13',
      ...headers,
    });
    this.stream.on('response', (fields) => {
      this.headers = fields;
      this.status = Number(fields[':status']);
    });
    this.stream.on('data', (chunk: Buffer) => (this.received = Buffer.concat([this.received, chunk])));
  }
}

/** One binary frame, masked with zeros (RFC 6455 §5.2). */
function clientFrame(payload: Buffer): Buffer {
  const head = Buffer.alloc(14);
  head[0] = 0x82;
  head[1] = 0x80 | 127;
  head.writeBigUInt64BE(BigInt(payload.length), 2);
  return Buffer.concat([head, payload]);
}

const openSession = async (plane: TestPlane): Promise<Http2TestSession> => {
  const client = new Http2TestSession({ port: plane.port });
  // A client may use the extension only after the server has said so (RFC 8441 §3).
  await once(client.session, 'remoteSettings');
  return client;
};

describe.each(http2Lanes)('$name', (lane) => {
  describe('a WebSocket over HTTP/2', () => {
    test('carries messages both ways beside other streams, and closes by its own frames', async () => {
      const seen: string[] = [];
      await using app = await startEcho(seen);
      await using plane = await startPlane(lane, { deployments: [{ instances: [instanceAt(app.port)] }] });
      using client = await openSession(plane);
      const socket = new WebSocketStream(client);
      await once(socket.stream, 'response');
      expect(socket.status).toBe(200);
      expect(socket.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
      for (const name of ['sec-websocket-accept', 'upgrade', 'connection'])
        expect(socket.headers[name]).toBeUndefined();
      const payload = randomBytes(1024 * 1024);
      socket.stream.write(clientFrame(payload));
      await until(() => socket.received.length === 10 + payload.length);
      const sum = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
      expect(sum(socket.received.subarray(10))).toBe(sum(payload));
      expect((await client.get('/')).status).toBe(426);
      expect(plane.plane.inspect().requests.inFlight).toBe(1);
      socket.stream.write(Buffer.from([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8]));
      await once(socket.stream, 'close');
      expect(socket.stream.rstCode).toBe(constants.NGHTTP2_NO_ERROR);
      expect(socket.received.subarray(-4)).toEqual(Buffer.from([0x88, 0x02, 0x03, 0xe8]));
      await until(() => seen.length === 2 && plane.plane.inspect().requests.inFlight === 0);
      expect(seen).toEqual(['open /chat?room=1 127.0.0.1', 'close 1000']);
    });

    test('passes on the refusal of an app, body and all', async () => {
      await using app = await startApp((_message, response) =>
        response.writeHead(403, { 'Content-Length': 2 }).end('no'),
      );
      await using plane = await startPlane(lane, { deployments: [{ instances: [instanceAt(app.port)] }] });
      using client = await openSession(plane);
      const { stream } = new WebSocketStream(client);
      expect(await answerOf(stream)).toMatchObject({ status: 403, body: 'no' });
      await until(() => plane.plane.inspect().requests.inFlight === 0);
    });

    test('is answered like any request where it has no route, or fails', async () => {
      await using echo = await startEcho();
      await using rude = await startRawApp((socket) => socket.once('data', () => socket.resetAndDestroy()));
      await using mute = await startRawApp(() => undefined);
      await using wrong = await startRawApp((socket) => {
        socket.once('data', () =>
          socket.write(
            headOf(
              'HTTP/1.1 101 Switching Protocols',
              'Connection: Upgrade',
              'Upgrade: websocket',
              'Sec-WebSocket-Accept: nonsense',
            ),
          ),
        );
      });
      await using plane = await startPlane(lane, {
        deployments: [
          { instances: [instanceAt(await refusingPort(), 'dead'), instanceAt(echo.port)] },
          { id: 'rude', routes: ['rude.example.com'], instances: [instanceAt(rude.port, 'rude')] },
          { id: 'mute', routes: ['mute.example.com'], instances: [instanceAt(mute.port, 'mute')] },
          { id: 'wrong', routes: ['wrong.example.com'], instances: [instanceAt(wrong.port, 'wrong')] },
        ],
        options: { limits: { responseHeadTimeoutMs: 150 } },
      });
      using client = await openSession(plane);
      const statusFor = async (authority: string): Promise<number> =>
        (await answerOf(new WebSocketStream(client, { ':authority': authority }).stream)).status;
      expect(await statusFor('rude.example.com')).toBe(502);
      expect(await statusFor('mute.example.com')).toBe(504);
      expect(await statusFor('wrong.example.com')).toBe(502);
      expect(await statusFor('nobody.example.com')).toBe(404);
      for (let turn = 0; turn < 2; turn += 1) {
        const socket = new WebSocketStream(client);
        await once(socket.stream, 'response');
        expect(socket.status).toBe(200);
      }
      expect(plane.said('failed').map(({ instance }) => instance)).toContain('dead');
    });

    test('ends properly at the drain deadline: 1001 to both sides', async () => {
      const seen: string[] = [];
      await using app = await startEcho(seen);
      await using plane = await startPlane(lane, {
        deployments: [{ instances: [instanceAt(app.port, 'one')] }],
      });
      using client = await openSession(plane);
      const socket = new WebSocketStream(client);
      await once(socket.stream, 'response');
      plane.plane.receive({ type: 'drain', instance: 'one', deadlineMs: 100 });
      await once(socket.stream, 'end');
      expect(socket.received).toEqual(Buffer.from([0x88, 0x02, 0x03, 0xe9]));
      expect(await plane.hears('drained')).toMatchObject({ endedStreams: 1, cutConnections: 0 });
      await until(() => seen.length === 2);
      expect(seen[1]).toBe('close 1001');
    });

    test('ends at the idle limit of its route', async () => {
      await using app = await startEcho();
      await using plane = await startPlane(lane, {
        deployments: [{ instances: [instanceAt(app.port)], policy: { streamIdleMs: 150 } }],
      });
      using client = await openSession(plane);
      const socket = new WebSocketStream(client);
      await once(socket.stream, 'end');
      expect(socket.received).toEqual(Buffer.from([0x88, 0x02, 0x03, 0xe9]));
    });

    test.each(['reset', 'gone'])('releases everything when its client is %s', async (how) => {
      const seen: string[] = [];
      await using app = await startEcho(seen);
      await using plane = await startPlane(lane, { deployments: [{ instances: [instanceAt(app.port)] }] });
      using client = await openSession(plane);
      const socket = new WebSocketStream(client);
      await once(socket.stream, 'response');
      if (how === 'reset') socket.stream.close(constants.NGHTTP2_CANCEL);
      else client.socket.destroy();
      await until(() => plane.plane.inspect().requests.inFlight === 0 && app.sockets.size === 0);
      expect(seen).toContain('close 1006');
    });

    test('holds an app back whose client does not read, and loses nothing', async () => {
      const bytes = randomBytes(64 * 1024);
      const total = 32 * 1024 * 1024;
      let written = 0;
      const sent = createHash('sha256');
      await using app = await startApp(undefined, (server) => {
        server.on('upgrade', (message, socket) => {
          const key = `${message.headers['sec-websocket-key'] ?? ''}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
          const accept = createHash('sha1').update(key).digest('base64');
          const lines = ['Upgrade: websocket', 'Connection: Upgrade', `Sec-WebSocket-Accept: ${accept}`];
          socket.write(headOf('HTTP/1.1 101 Switching', ...lines));
          const more = (): void => {
            while (written < total) {
              written += bytes.length;
              sent.update(bytes);
              if (!socket.write(bytes)) return void socket.once('drain', more);
            }
            socket.end();
          };
          more();
        });
      });
      await using plane = await startPlane(lane, { deployments: [{ instances: [instanceAt(app.port)] }] });
      using client = await openSession(plane);
      const { stream } = new WebSocketStream(client);
      stream.removeAllListeners('data').pause();
      await once(stream, 'response');
      await standsStill(() => written);
      expect(written).toBeLessThan(total / 2);
      const received = createHash('sha256');
      stream.on('data', (chunk: Buffer) => received.update(chunk)).resume();
      await once(stream, 'end');
      expect([written, received.digest('hex')]).toEqual([total, sent.digest('hex')]);
      stream.end();
      await until(() => plane.plane.inspect().requests.inFlight === 0 && app.sockets.size === 0);
    });

    test('is reset when the app breaks it off', async () => {
      const sockets: { terminate: () => void }[] = [];
      await using app = await startApp(undefined, (server) => {
        new WebSocketServer({ server }).on('connection', (socket) => sockets.push(socket));
      });
      await using plane = await startPlane(lane, { deployments: [{ instances: [instanceAt(app.port)] }] });
      using client = await openSession(plane);
      const socket = new WebSocketStream(client);
      await once(socket.stream, 'response');
      for (const each of app.sockets) each.resetAndDestroy();
      await once(socket.stream, 'close');
      expect(socket.stream.rstCode).toBe(constants.NGHTTP2_CANCEL);
      await until(() => plane.plane.inspect().requests.inFlight === 0);
    });
  });
});
