// What an HTTP/2 message is for an app, and what the app's answer is for the client (RFC 9113 §8).
import { once } from 'node:events';
import { constants } from 'node:http2';
import { describe, expect, test } from 'vitest';
import { answerOf, askHttp2, Http2TestSession } from '../../conformance/http2-client.ts';
import {
  endHeaders,
  endStream,
  fieldBlock,
  frame,
  frameType,
  indexedStatus,
  RawHttp2Client,
} from '../../conformance/http2-frames.ts';
import { makeCertificate } from '../../conformance/test-certificates.ts';
import { http2Lanes } from '../../conformance/http2-lanes.ts';
import { startApp, startRawApp } from '../../conformance/test-app.ts';
import { headOf } from '../../conformance/test-client.ts';
import { instanceAt, startPlane, testHost, until } from '../../conformance/test-plane.ts';

describe.each(http2Lanes)('$name', (lane) => {
  describe('a request over HTTP/2', () => {
    test('reaches the app with its authority as Host, and one Cookie made of crumbs', async () => {
      await using app = await startApp();
      await using plane = await startPlane(lane, { deployments: [{ instances: [instanceAt(app.port)] }] });
      using client = new Http2TestSession({ port: plane.port });
      const answer = await client.get('/a?b=%20c', {
        ':authority': `${testHost.toUpperCase()}:443`,
        cookie: ['a=1', 'b=2', 'c=3'],
      });
      expect(answer.status).toBe(200);
      expect(app.seen[0]).toMatchObject({
        method: 'GET',
        url: '/a?b=%20c',
        headers: { cookie: 'a=1; b=2; c=3' },
      });
      expect(app.seen[0]?.rawHeaders.slice(0, 2)).toEqual(['Host', `${testHost.toUpperCase()}:443`]);
      expect(app.seen[0]?.rawHeaders.filter((name) => name.startsWith(':'))).toEqual([]);
    });

    test('is found by Host where there is no authority, and refused where the two differ or both are missing', async () => {
      await using app = await startApp();
      await using plane = await startPlane(lane, { deployments: [{ instances: [instanceAt(app.port)] }] });
      using client = await RawHttp2Client.open(plane.port);
      let stream = -1;
      const statusFor = async (fields: Readonly<Record<string, string>>): Promise<number> => {
        stream += 2;
        const block = fieldBlock({ ':method': 'GET', ':scheme': 'http', ':path': '/', ...fields });
        client.send(frame(frameType.headers, endStream | endHeaders, stream, block));
        const head = await client.receives(frameType.headers, (each) => each.stream === stream);
        return indexedStatus(head);
      };
      expect(await statusFor({ host: testHost })).toBe(200);
      expect(await statusFor({ ':authority': testHost, host: testHost.toUpperCase() })).toBe(200);
      expect(await statusFor({ ':authority': testHost, host: 'other.example.com' })).toBe(400);
      void statusFor({});
      expect((await client.receives(frameType.rstStream))?.stream).toBe(stream);
      expect(app.seen).toHaveLength(2);
    });

    test('is refused where its path or method is not for us, and the connection goes on', async () => {
      await using app = await startApp();
      await using plane = await startPlane(lane, { deployments: [{ instances: [instanceAt(app.port)] }] });
      using client = new Http2TestSession({ port: plane.port });
      expect((await client.get('/a/../b')).status).toBe(400);
      expect((await client.get('/%2fetc')).status).toBe(400);
      const connect = client.session.request([':method', 'CONNECT', ':authority', 'example.com:443']);
      expect((await answerOf(connect)).status).toBe(400);
      expect((await client.get('/', { expect: 'a-miracle' })).status).toBe(417);
      expect((await client.get('/')).status).toBe(200);
      expect(app.seen).toHaveLength(1);
    });

    test('may ask for the asterisk with OPTIONS alone', async () => {
      await using app = await startApp();
      await using plane = await startPlane(lane, { deployments: [{ instances: [instanceAt(app.port)] }] });
      const asterisk = { port: plane.port, path: '*' };
      expect((await askHttp2({ ...asterisk, method: 'OPTIONS' })).status).toBe(200);
      await expect(askHttp2(asterisk)).rejects.toThrow('aborted with');
      expect(app.seen.map(({ method, url }) => `${method} ${url}`)).toEqual(['OPTIONS *']);
    });

    test('carries trailers both ways, around a body of unknown length', async () => {
      await using app = await startApp((message, response) => {
        message.resume();
        message.on('end', () => {
          response.writeHead(200, { Trailer: 'X-Sum' });
          response.write('one, ');
          // Later than the head: the lane has to leave the stream open for them.
          setTimeout(() => {
            response.addTrailers({ 'X-Sum': '42', 'X-Seen': message.trailers['x-checksum'] ?? 'nothing' });
            response.end('two');
          }, 30);
        });
      });
      await using plane = await startPlane(lane, { deployments: [{ instances: [instanceAt(app.port)] }] });
      using client = new Http2TestSession({ port: plane.port });
      const stream = client.session.request(
        { ':authority': testHost, ':method': 'POST' },
        { waitForTrailers: true },
      );
      stream.on('wantTrailers', () => stream.sendTrailers({ 'x-checksum': 'abc', host: 'evil.example.com' }));
      const answer = answerOf(stream);
      stream.end('body');
      expect(await answer).toMatchObject({
        body: 'one, two',
        trailers: { 'x-sum': '42', 'x-seen': 'abc' },
      });
    });

    test('with a body of no octets says so to the app', async () => {
      await using app = await startApp();
      await using plane = await startPlane(lane, { deployments: [{ instances: [instanceAt(app.port)] }] });
      await askHttp2({ port: plane.port, method: 'POST' });
      await askHttp2({ port: plane.port, method: 'POST', body: '' });
      await askHttp2({ port: plane.port, method: 'DELETE' });
      expect(app.seen.map((seen) => seen.headers['content-length'])).toEqual(['0', '0', undefined]);
      expect(app.seen.every((seen) => seen.headers['transfer-encoding'] === undefined)).toBe(true);
    });

    test('gets 100 Continue only when its body is wanted', async () => {
      await using app = await startApp();
      await using plane = await startPlane(lane, {
        deployments: [{ instances: [instanceAt(app.port)], policy: { bodyBytesMax: 10 } }],
      });
      using client = new Http2TestSession({ port: plane.port });
      const headers = { ':method': 'POST', expect: '100-continue' };
      const small = client.open({ ...headers, 'content-length': '5' });
      const answer = answerOf(small);
      await once(small, 'continue');
      small.end('hello');
      expect((await answer).status).toBe(200);
      expect(app.seen[0]?.headers['expect']).toBeUndefined();
      const large = client.open({ ...headers, 'content-length': '11' });
      expect((await answerOf(large)).status).toBe(413);
    });

    test('is refused with 431 where its head has too many fields or too long ones, and reset past the section limit', async () => {
      await using app = await startApp(undefined, (server) => {
        server.maxHeadersCount = 0;
      });
      await using plane = await startPlane(lane, {
        deployments: [{ instances: [instanceAt(app.port)] }],
        options: {
          limits: {
            headFieldsMax: 10,
            headLineBytesMax: 200,
            headBytesMax: 1_000,
            http2FieldSectionBytesMax: 4_096,
          },
        },
      });
      using client = new Http2TestSession({ port: plane.port });
      const many = (count: number): Record<string, string> =>
        Object.fromEntries(Array.from({ length: count }, (_, index) => [`x-${index}`, '1']));
      const long = (length: number): Record<string, string> => ({ x: 'y'.repeat(length - 3) });
      // `:authority` stands for Host.
      expect((await client.get('/', many(9))).status).toBe(200);
      expect((await client.get('/', many(10))).status).toBe(431);
      expect((await client.get('/', long(200))).status).toBe(200);
      expect((await client.get('/', long(201))).status).toBe(431);
      await expect(client.get('/', { x: 'y'.repeat(4_200) })).rejects.toThrow(
        `aborted with ${constants.NGHTTP2_ENHANCE_YOUR_CALM}`,
      );
      expect((await client.get('/')).status).toBe(200);
    });
  });

  describe('a response over HTTP/2', () => {
    test('has no body for HEAD, 204 and 304, and keeps what it tells about one', async () => {
      await using app = await startApp((message, response) => {
        if (message.url === '/204') response.writeHead(204);
        else if (message.url === '/304') response.writeHead(304, { ETag: '"x"' });
        else response.setHeader('Content-Length', 5);
        response.end(message.method === 'HEAD' || message.url !== '/' ? undefined : 'hello');
      });
      await using plane = await startPlane(lane, { deployments: [{ instances: [instanceAt(app.port)] }] });
      using client = new Http2TestSession({ port: plane.port });
      const head = await client.get('/', { ':method': 'HEAD' });
      expect([head.status, head.headers['content-length'], head.body]).toEqual([200, '5', '']);
      expect(await client.get('/204')).toMatchObject({ status: 204, body: '' });
      expect(await client.get('/304')).toMatchObject({ status: 304, body: '', headers: { etag: '"x"' } });
      expect(await client.get('/')).toMatchObject({ status: 200, body: 'hello' });
      expect(
        (await client.get('/nowhere', { ':authority': 'x.example.org', ':method': 'HEAD' })).status,
      ).toBe(404);
    });

    test('loses what HTTP/1.1 needs of its connection, whatever the app says, and keeps repeated fields', async () => {
      await using app = await startRawApp((socket) => {
        socket.on('data', () =>
          socket.write(
            `${headOf(
              'HTTP/1.1 200 Fine',
              'Connection: keep-alive, X-Hop',
              'Keep-Alive: timeout=30',
              'X-Hop: 1',
              'HTTP2-Settings: x',
              'Upgrade: h2c',
              'Set-Cookie: a=1',
              'Set-Cookie: b=2',
              'Content-Type: text/plain',
              'Content-Type: text/html',
              'Transfer-Encoding: chunked',
            )}2\r\nok\r\n0\r\n\r\n`,
          ),
        );
      });
      await using plane = await startPlane(lane, { deployments: [{ instances: [instanceAt(app.port)] }] });
      const answer = await askHttp2({ port: plane.port });
      expect(answer).toMatchObject({ status: 200, body: 'ok', headers: { 'set-cookie': ['a=1', 'b=2'] } });
      for (const name of [
        'connection',
        'keep-alive',
        'x-hop',
        'http2-settings',
        'upgrade',
        'transfer-encoding',
      ])
        expect(answer.headers[name]).toBeUndefined();
      expect(answer.rawHeaders.filter((item) => item === 'content-type')).toHaveLength(2);
    });

    test('brings early hints before it', async () => {
      await using app = await startApp((_message, response) => {
        response.writeEarlyHints({ link: '</style.css>; rel=preload; as=style' });
        setTimeout(() => response.end('ok'), 20);
      });
      await using plane = await startPlane(lane, { deployments: [{ instances: [instanceAt(app.port)] }] });
      using client = new Http2TestSession({ port: plane.port });
      const stream = client.open();
      const answer = answerOf(stream);
      const [hints] = (await once(stream, 'headers')) as [Record<string, unknown>];
      expect([hints[':status'], hints['link']]).toEqual([103, '</style.css>; rel=preload; as=style']);
      expect((await answer).body).toBe('ok');
    });

    test('with a status that HTTP/2 cannot carry is 502', async () => {
      await using app = await startRawApp((socket) => {
        socket.on('data', () => socket.write(headOf('HTTP/1.1 799 Odd', 'Content-Length: 0')));
      });
      await using plane = await startPlane(lane, { deployments: [{ instances: [instanceAt(app.port)] }] });
      expect((await askHttp2({ port: plane.port })).status).toBe(502);
    });

    test('that comes whole before the request has ended stops the upload with NO_ERROR', async () => {
      await using app = await startApp((_message, response) => {
        response.writeHead(403, { 'Content-Length': 2 });
        response.end('no');
      });
      await using plane = await startPlane(lane, { deployments: [{ instances: [instanceAt(app.port)] }] });
      using client = new Http2TestSession({ port: plane.port });
      const stream = client.open({ ':method': 'POST' });
      stream.write('the beginning of something large');
      expect(await answerOf(stream)).toMatchObject({ status: 403, body: 'no' });
      expect((await client.get('/')).status).toBe(403);
      await until(() => plane.plane.inspect().requests.inFlight === 0);
    });
  });

  describe('over TLS', () => {
    test('is agreed on by ALPN, and told to the app as https', async () => {
      await using app = await startApp();
      await using plane = await startPlane(lane, {
        deployments: [{ instances: [instanceAt(app.port)] }],
        certificates: [await makeCertificate([testHost])],
        https: true,
      });
      const answer = await askHttp2({
        port: plane.httpsPort,
        serverName: testHost,
        method: 'POST',
        body: 'hi',
      });
      expect(answer.status).toBe(200);
      expect(app.seen[0]?.headers).toMatchObject({ 'x-forwarded-proto': 'https', via: '2 tako' });
    });
  });
});
