// Conformance: messages of every shape, streamed both ways, with back-pressure, and ended by either side early.
import { createHash, randomBytes } from 'node:crypto';
import { request } from 'node:http';
import { describe, expect, test } from 'vitest';
import { startApp, startRawApp } from './test-app.ts';
import { askerOf, headOf, RawClient, statusesOf, statusOf, http1TestOf } from './test-client.ts';
import { instanceAt, startPlane, testHost, until, type LaneUnderTest, standsStill } from './test-plane.ts';

const host = `Host: ${testHost}`;

export function describeBodies(lane: LaneUnderTest): void {
  const ask = askerOf(lane);
  const http1 = http1TestOf(lane);
  describe(`bodies (${lane.name})`, () => {
    test('streams a large upload and a large download unchanged', async () => {
      const bytes = randomBytes(8 * 1024 * 1024);
      await using app = await startApp((message, response) => void message.pipe(response));
      await using plane = await startPlane(lane, { deployments: [{ instances: [instanceAt(app.port)] }] });
      const digest = (body: Buffer): string => createHash('sha256').update(body).digest('hex');
      for (const headers of [{}, { 'transfer-encoding': 'chunked' }]) {
        const answer = await ask({ port: plane.port, method: 'POST', body: bytes, headers });
        expect(digest(Buffer.from(answer.body, 'latin1'))).toBe(digest(bytes));
      }
    });

    http1('stops reading from the app while the client does not read', async () => {
      let written = 0;
      await using app = await startApp((_message, response) => {
        const chunk = Buffer.alloc(64 * 1024);
        const more = (): void => {
          while (written < 64 * 1024 * 1024) {
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
      using client = await RawClient.open(plane.port);
      client.send(headOf('GET / HTTP/1.1', host));
      await client.receives((received) => received.length > 1024);
      client.socket.pause();
      // Kernel buffers on both sides take some megabytes; then it must stand still.
      await standsStill(() => written);
      expect(written).toBeLessThan(48 * 1024 * 1024);
      client.socket.resume();
      await until(() => written >= 64 * 1024 * 1024);
    });

    http1('answers HEAD, 204 and 304 without a body, and goes on with the connection', async () => {
      await using app = await startApp((message, response) => {
        if (message.url === '/204') response.writeHead(204);
        else if (message.url === '/304') response.writeHead(304, { ETag: '"x"' });
        else response.setHeader('Content-Length', 5);
        response.end(message.method === 'HEAD' ? undefined : message.url === '/' ? 'hello' : undefined);
      });
      await using plane = await startPlane(lane, { deployments: [{ instances: [instanceAt(app.port)] }] });
      using client = await RawClient.open(plane.port);
      client.send(headOf('HEAD / HTTP/1.1', host) + headOf('GET /204 HTTP/1.1', host));
      client.send(headOf('GET /304 HTTP/1.1', host) + headOf('GET / HTTP/1.1', host, 'Connection: close'));
      const received = await client.ends();
      expect(statusesOf(received)).toEqual([200, 204, 304, 200]);
      expect(received.split('hello')).toHaveLength(2);
      expect(received).toMatch(/Content-Length: 5\r\n/i);
    });

    http1('serves HTTP/1.0 without chunks, with and without keep-alive', async () => {
      await using app = await startApp((_message, response) => {
        response.write('part one, ');
        response.end('part two');
      });
      await using plane = await startPlane(lane, { deployments: [{ instances: [instanceAt(app.port)] }] });
      using client = await RawClient.open(plane.port);
      client.send(headOf('GET / HTTP/1.0', host));
      const received = await client.ends();
      expect(received).toMatch(/\r\n\r\npart one, part two$/);
      expect(received).not.toMatch(/transfer-encoding/i);
    });

    http1('sends 100 Continue only when the body is wanted', async () => {
      await using app = await startApp();
      await using plane = await startPlane(lane, {
        deployments: [{ instances: [instanceAt(app.port)], policy: { bodyBytesMax: 10 } }],
      });
      using small = await RawClient.open(plane.port);
      small.send(
        headOf('POST / HTTP/1.1', host, 'Content-Length: 5', 'Expect: 100-continue', 'Connection: close'),
      );
      await small.receives((received) => received.includes('100 Continue'));
      small.send('hello');
      expect(statusesOf(await small.ends())).toEqual([100, 200]);
      expect(app.seen[0]?.headers['expect']).toBeUndefined();
      using large = await RawClient.open(plane.port);
      large.send(headOf('POST / HTTP/1.1', host, 'Content-Length: 11', 'Expect: 100-continue'));
      expect(statusesOf(await large.ends())).toEqual([413]);
      using odd = await RawClient.open(plane.port);
      odd.send(headOf('POST / HTTP/1.1', host, 'Content-Length: 5', 'Expect: a-miracle'));
      expect(statusesOf(await odd.ends())).toEqual([417]);
    });

    test('refuses a body past the limit, announced or counted, and takes one at the limit', async () => {
      await using app = await startApp();
      await using plane = await startPlane(lane, {
        deployments: [{ instances: [instanceAt(app.port)], policy: { bodyBytesMax: 1000 } }],
      });
      const chunked = { 'transfer-encoding': 'chunked' };
      const post = (bytes: number, headers = {}): Promise<{ status: number }> =>
        ask({ port: plane.port, method: 'POST', body: Buffer.alloc(bytes, 'x'), headers });
      expect((await post(1000)).status).toBe(200);
      expect((await post(1000, chunked)).status).toBe(200);
      expect((await post(1001)).status).toBe(413);
      expect((await post(1001, chunked)).status).toBe(413);
      await until(() => plane.plane.inspect().requests.inFlight === 0);
      expect(app.seen.map((seen) => seen.body.length)).toEqual([1000, 1000]);
    });

    http1('gives an early answer to a client that is still uploading, and ends the connection', async () => {
      await using app = await startApp((_message, response) => {
        response.writeHead(403, { 'Content-Length': 2 });
        response.end('no');
      });
      await using plane = await startPlane(lane, { deployments: [{ instances: [instanceAt(app.port)] }] });
      using client = await RawClient.open(plane.port);
      client.send(headOf('POST / HTTP/1.1', host, 'Content-Length: 100000000'));
      const timer = setInterval(() => client.send(Buffer.alloc(16 * 1024)), 5);
      try {
        const received = await client.ends();
        expect(statusOf(received)).toBe(403);
        expect(received).toMatch(/\r\n\r\nno$/);
      } finally {
        clearInterval(timer);
      }
    });

    http1('tells the app when the client goes away, and releases what the request held', async () => {
      await using app = await startApp(() => undefined);
      await using plane = await startPlane(lane, { deployments: [{ instances: [instanceAt(app.port)] }] });
      const client = await RawClient.open(plane.port);
      client.send(headOf('GET / HTTP/1.1', host));
      await until(() => app.sockets.size === 1);
      client.socket.destroy();
      await until(() => app.sockets.size === 0 && plane.plane.inspect().requests.inFlight === 0);
      expect(plane.plane.inspect().requests.clients).toBe(0);
    });

    test('lets the client notice a response that breaks off', async () => {
      const heads = ['Content-Length: 100', 'Transfer-Encoding: chunked'];
      await using app = await startRawApp((socket) => {
        socket.once('data', () =>
          socket.end(`HTTP/1.1 200 OK\r\n${heads.shift() ?? ''}\r\n\r\n5\r\nhello\r\n`),
        );
      });
      await using plane = await startPlane(lane, { deployments: [{ instances: [instanceAt(app.port)] }] });
      await expect(ask({ port: plane.port })).rejects.toThrow(/aborted|socket hang up|ECONNRESET/);
      await expect(ask({ port: plane.port })).rejects.toThrow(/aborted|socket hang up|ECONNRESET/);
    });

    test('passes trailers of the app on', async () => {
      await using app = await startApp((_message, response) => {
        response.writeHead(200, { Trailer: 'X-Sum' });
        response.write('hello');
        response.addTrailers({ 'X-Sum': '42' });
        response.end();
      });
      await using plane = await startPlane(lane, { deployments: [{ instances: [instanceAt(app.port)] }] });
      expect((await ask({ port: plane.port })).trailers).toEqual({ 'x-sum': '42' });
    });

    test('passes early hints on', async () => {
      await using app = await startApp((_message, response) => {
        response.writeEarlyHints({ link: '</style.css>; rel=preload; as=style' });
        response.end('ok');
      });
      await using plane = await startPlane(lane, { deployments: [{ instances: [instanceAt(app.port)] }] });
      const hints = await new Promise((resolve, reject) => {
        const outgoing = request({
          port: plane.port,
          host: '127.0.0.1',
          headers: { host: testHost },
          agent: false,
        });
        outgoing.on('information', (info) => resolve([info.statusCode, info.headers['link']]));
        outgoing.on('response', (message) => message.resume());
        outgoing.on('error', reject);
        outgoing.end();
      });
      expect(hints).toEqual([103, '</style.css>; rel=preload; as=style']);
    });
  });
}
