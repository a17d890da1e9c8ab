// Flow control, and streams that end early by either side's doing (RFC 9113 §5.2, §5.4, §8.1).
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { constants } from 'node:http2';
import { describe, expect, test } from 'vitest';
import { answerOf, Http2TestSession } from '../../conformance/http2-client.ts';
import {
  fieldBlock,
  frame,
  frameType,
  endHeaders,
  endStream,
  RawHttp2Client,
  usualFields,
} from '../../conformance/http2-frames.ts';
import { http2Lanes } from '../../conformance/http2-lanes.ts';
import { startApp, startRawApp } from '../../conformance/test-app.ts';
import { headOf } from '../../conformance/test-client.ts';
import { instanceAt, startPlane, testHost, until, standsStill } from '../../conformance/test-plane.ts';

const digest = (body: Buffer): string => createHash('sha256').update(body).digest('hex');

describe.each(http2Lanes)('$name', (lane) => {
  describe('flow control', () => {
    test('holds the app back while one client does not read, and other streams go on', async () => {
      const total = 64 * 1024 * 1024;
      let written = 0;
      await using app = await startApp((message, response) => {
        if (message.url !== '/large') {
          response.end('small');
          return;
        }
        const chunk = Buffer.alloc(64 * 1024);
        const more = (): void => {
          while (written < total) {
            written += chunk.length;
            if (!response.write(chunk)) {
              response.once('drain', more);
              return;
            }
          }
          response.end();
        };
        more();
      });
      await using plane = await startPlane(lane, { deployments: [{ instances: [instanceAt(app.port)] }] });
      using client = new Http2TestSession({ port: plane.port });
      const large = client.open({ ':path': '/large' });
      await once(large, 'response');
      // What the windows and the kernel between app and plane take, and no more.
      await standsStill(() => written);
      expect(written).toBeLessThan(24 * 1024 * 1024);
      for (let turn = 0; turn < 20; turn += 1) expect((await client.get('/')).body).toBe('small');
      let received = 0;
      large.on('data', (chunk: Buffer) => (received += chunk.length));
      await once(large, 'end');
      expect([received, written]).toEqual([total, total]);
    });

    test('holds the client back while the app does not read, and other uploads go on', async () => {
      const bytes = randomBytes(4 * 1024 * 1024);
      let goOn = (): void => undefined;
      await using app = await startApp((message, response) => {
        const hash = createHash('sha256');
        message.on('data', (chunk: Buffer) => hash.update(chunk));
        message.on('end', () => response.end(hash.digest('hex')));
        if (message.url !== '/held') return;
        message.pause();
        goOn = () => void message.resume();
      });
      await using plane = await startPlane(lane, { deployments: [{ instances: [instanceAt(app.port)] }] });
      using client = new Http2TestSession({ port: plane.port });
      const upload = (path: string): Promise<string> => {
        const stream = client.open({ ':path': path, ':method': 'POST' });
        stream.end(bytes);
        return answerOf(stream).then((answer) => answer.body);
      };
      const held = upload('/held');
      expect(await Promise.all([upload('/a'), upload('/b')])).toEqual([digest(bytes), digest(bytes)]);
      goOn();
      expect(await held).toBe(digest(bytes));
    });

    test('lets many streams share a connection', async () => {
      const bytes = randomBytes(300_000);
      await using app = await startApp((message, response) => void message.pipe(response));
      await using plane = await startPlane(lane, { deployments: [{ instances: [instanceAt(app.port)] }] });
      using client = new Http2TestSession({ port: plane.port });
      const bodies = await Promise.all(
        Array.from({ length: 60 }, async () => {
          const stream = client.open({ ':method': 'POST' });
          stream.end(bytes);
          return (await answerOf(stream)).body;
        }),
      );
      for (const body of bodies) expect(digest(Buffer.from(body, 'latin1'))).toBe(digest(bytes));
    });

    test('lets every stream of a connection be blocked without refusing the next', async () => {
      await using app = await startApp((_message, response) => response.end(Buffer.alloc(1024 * 1024)));
      await using plane = await startPlane(lane, { deployments: [{ instances: [instanceAt(app.port)] }] });
      using client = new Http2TestSession({ port: plane.port });
      const streams = Array.from({ length: 127 }, () => client.open());
      await Promise.all(streams.map((stream) => once(stream, 'response')));
      expect((await client.get('/')).body).toHaveLength(1024 * 1024);
      const answers = await Promise.all(
        streams.map(async (stream) => {
          let bytes = 0;
          stream.on('data', (chunk: Buffer) => (bytes += chunk.length));
          await once(stream, 'end');
          return bytes;
        }),
      );
      expect(new Set(answers)).toEqual(new Set([1024 * 1024]));
    });

    test('gives up a response that the client does not take', async () => {
      await using app = await startApp((_message, response) => response.end(Buffer.alloc(1024 * 1024)));
      await using plane = await startPlane(lane, {
        deployments: [{ instances: [instanceAt(app.port)] }],
        options: { limits: { bodyIdleTimeoutMs: 200 } },
      });
      using client = new Http2TestSession({ port: plane.port });
      const stream = client.open();
      await once(stream, 'close');
      expect(stream.rstCode).toBe(constants.NGHTTP2_CANCEL);
      await until(() => plane.plane.inspect().requests.inFlight === 0);
    });
  });

  describe('a client that reads nothing at all', () => {
    test.each(['/large', '/small'])('is let go, its connection with it (%s)', async (path) => {
      await using app = await startApp((message, response) => {
        response.end(Buffer.alloc(message.url === '/large' ? 32 * 1024 * 1024 : 10));
      });
      await using plane = await startPlane(lane, {
        deployments: [{ instances: [instanceAt(app.port)] }],
        options: { limits: { bodyIdleTimeoutMs: 200, keepAliveTimeoutMs: 200, lingerMs: 200 } },
      });
      using client = await RawHttp2Client.open(plane.port);
      client.socket.pause();
      client.send(
        frame(frameType.settings, 0, 0, Buffer.from([0, 4, 0x7f, 0xff, 0xff, 0xff])),
        frame(frameType.windowUpdate, 0, 0, Buffer.from([0x7f, 0, 0, 0])),
        frame(frameType.headers, endHeaders | endStream, 1, fieldBlock(usualFields(testHost, path))),
      );
      await until(() => app.accepted === 1);
      await until(() => plane.plane.inspect().connections.open === 0);
      expect(plane.plane.inspect().requests).toMatchObject({ inFlight: 0, clients: 0 });
    });
  });

  describe('a client that resets a stream', () => {
    test.each([constants.NGHTTP2_CANCEL, constants.NGHTTP2_NO_ERROR])(
      'ends the request at the app as well (code %i)',
      async (code) => {
        await using app = await startApp(() => undefined);
        await using plane = await startPlane(lane, { deployments: [{ instances: [instanceAt(app.port)] }] });
        using client = new Http2TestSession({ port: plane.port });
        const stream = client.open();
        await until(() => app.sockets.size === 1);
        stream.close(code);
        await until(() => app.sockets.size === 0 && plane.plane.inspect().requests.inFlight === 0);
        expect(plane.plane.inspect().requests.clients).toBe(0);
      },
    );

    test.each([constants.NGHTTP2_CANCEL, constants.NGHTTP2_NO_ERROR])(
      'in the middle of an upload leaves no body that looks whole (code %i)',
      async (code) => {
        const ends: string[] = [];
        await using app = await startApp((message) => {
          message.on('data', () => undefined);
          message.on('end', () => ends.push('end'));
          message.on('close', () => ends.push('close'));
          message.on('error', () => undefined);
        });
        await using plane = await startPlane(lane, { deployments: [{ instances: [instanceAt(app.port)] }] });
        using client = await RawHttp2Client.open(plane.port);
        const head = fieldBlock({ ...usualFields(testHost), ':method': 'POST' });
        client.send(
          frame(frameType.headers, endHeaders, 1, head),
          frame(frameType.data, 0, 1, Buffer.from('half')),
        );
        await until(() => app.sockets.size === 1);
        client.send(frame(frameType.rstStream, 0, 1, Buffer.from([0, 0, 0, code])));
        await until(() => ends.length > 0);
        expect(ends).toEqual(['close']);
      },
    );

    test('by leaving altogether ends all of them', async () => {
      await using app = await startApp(() => undefined);
      await using plane = await startPlane(lane, { deployments: [{ instances: [instanceAt(app.port)] }] });
      const client = new Http2TestSession({ port: plane.port });
      for (let turn = 0; turn < 10; turn += 1) client.open();
      await until(() => app.sockets.size === 10);
      client.socket.destroy();
      await until(() => app.sockets.size === 0 && plane.plane.inspect().requests.inFlight === 0);
      await until(() => plane.plane.inspect().connections.open === 0);
    });
  });

  describe('a response that breaks off', () => {
    test('is reset, and the connection goes on', async () => {
      const heads = ['Content-Length: 100', 'Transfer-Encoding: chunked', 'Content-Length: 5'];
      await using app = await startRawApp((socket) => {
        socket.once('data', () => {
          const framing = heads.shift() ?? '';
          socket.end(
            `${headOf('HTTP/1.1 200 OK', framing)}${framing.startsWith('T') ? '5\r\nhello\r\n' : 'hello'}`,
          );
        });
      });
      await using plane = await startPlane(lane, { deployments: [{ instances: [instanceAt(app.port)] }] });
      using client = new Http2TestSession({ port: plane.port });
      const reset = `aborted with ${constants.NGHTTP2_INTERNAL_ERROR}`;
      await expect(client.get('/')).rejects.toThrow(reset);
      await expect(client.get('/')).rejects.toThrow(reset);
      expect((await client.get('/')).body).toBe('hello');
    });
  });
});
