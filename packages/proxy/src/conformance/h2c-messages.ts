// Conformance: apps that speak HTTP/2 in clear text get and give the same messages over every lane.
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { ServerHttp2Stream } from 'node:http2';
import { describe, expect, test } from 'vitest';
import { answerWith, type AnswerStream, bodyOf, startH2cApp } from '../upstream/testing/h2c-app.ts';
import { askerOf, headOf, http1TestOf, RawClient, statusesOf } from './test-client.ts';
import { h2cInstanceAt, startPlane, testHost, type LaneUnderTest } from './test-plane.ts';

const digest = (body: Buffer): string => createHash('sha256').update(body).digest('hex');

const echo: AnswerStream = (stream) => {
  stream.respond({ ':status': 200 });
  stream.pipe(stream);
};

const withoutBody: AnswerStream = (stream, fields) => {
  const path = fields[':path'];
  if (path === '/204') stream.respond({ ':status': 204 }, { endStream: true });
  else if (path === '/304') stream.respond({ ':status': 304, etag: '"a"' }, { endStream: true });
  else if (path === '/empty') stream.respond({ ':status': 200 }, { endStream: true });
  else if (fields[':method'] === 'HEAD') stream.respond({ ':status': 200, 'content-length': '7' });
  else answerWith(stream, 'a body.');
};

/** What came as trailers is answered in trailers. */
async function answerTrailers(stream: ServerHttp2Stream): Promise<void> {
  const came = once(stream, 'trailers').then(([fields]: { 'x-sum'?: string }[]) => fields?.['x-sum'] ?? '');
  const body = await bodyOf(stream);
  stream.respond({ ':status': 200, trailer: 'x-told' }, { waitForTrailers: true });
  const sum = await came;
  stream.once('wantTrailers', () => stream.sendTrailers({ 'x-told': `${sum} of ${body.length}` }));
  stream.end('told');
}

export function describeH2cMessages(lane: LaneUnderTest): void {
  const ask = askerOf(lane);
  const http1 = http1TestOf(lane);
  const planeOf = async (port: number): ReturnType<typeof startPlane> =>
    await startPlane(lane, { deployments: [{ instances: [h2cInstanceAt(port)] }] });

  describe(`messages of HTTP/2 apps (${lane.name})`, () => {
    test('heads are edited as for any app: host, forwarded fields, request id, Via of the version', async () => {
      await using app = await startH2cApp((stream) => answerWith(stream, 'hello', 201));
      await using plane = await planeOf(app.port);
      const headers = { cookie: 'a=1; b=2', te: 'gzip, trailers', connection: 'te' };
      const sent = lane.client === 'http2' ? { cookie: headers.cookie, te: 'trailers' } : headers;
      const answer = await ask({ port: plane.port, path: '/a?b=c', headers: sent });
      expect(answer).toMatchObject({ status: 201, body: 'hello', headers: { via: '2 tako' } });
      expect(app.seen[0]).toMatchObject({
        ':method': 'GET',
        ':path': '/a?b=c',
        ':authority': testHost,
        ':scheme': 'http',
        'x-forwarded-proto': 'http',
        'x-forwarded-host': testHost,
        'x-request-id': answer.headers['x-request-id'],
        te: 'trailers',
        cookie: 'a=1; b=2',
      });
      for (const name of ['host', 'connection', 'content-length'])
        expect(app.seen[0]).not.toHaveProperty(name);
      await ask({ port: plane.port });
      expect(app.seen[1]).not.toHaveProperty('te');
      expect(app.accepted()).toBe(1);
    });

    test('large bodies stream both ways unchanged, of known length and not', async () => {
      const bytes = randomBytes(8 * 1024 * 1024);
      await using app = await startH2cApp(echo);
      await using plane = await planeOf(app.port);
      for (const headers of [{}, { 'transfer-encoding': 'chunked' }]) {
        const answer = await ask({ port: plane.port, method: 'POST', body: bytes, headers });
        expect(digest(Buffer.from(answer.body, 'latin1'))).toBe(digest(bytes));
      }
      expect(app.seen.map((fields) => fields['content-length'])).toEqual([String(bytes.length), undefined]);
    });

    test('many at a time do not mix', async () => {
      await using app = await startH2cApp(echo);
      await using plane = await planeOf(app.port);
      const bodies = Array.from({ length: 60 }, (_each, index) => Buffer.alloc(20_000, `${index} `));
      const answers = await Promise.all(bodies.map((body) => ask({ port: plane.port, method: 'PUT', body })));
      expect(answers.map(({ body }) => body)).toEqual(bodies.map((body) => body.toString('latin1')));
    });

    test('responses without a body stay so, and the connection goes on', async () => {
      await using app = await startH2cApp(withoutBody);
      await using plane = await planeOf(app.port);
      const coding = lane.client === 'http2' ? undefined : 'chunked';
      const answerTo = async (path: string, method = 'GET'): Promise<unknown[]> => {
        const { status, body, headers } = await ask({ port: plane.port, path, method });
        return [status, body, headers['content-length'], headers['transfer-encoding']];
      };
      expect(await answerTo('/204')).toEqual([204, '', undefined, undefined]);
      expect(await answerTo('/304')).toEqual([304, '', undefined, undefined]);
      expect(await answerTo('/', 'HEAD')).toEqual([200, '', '7', undefined]);
      const length = lane.client === 'http2' ? undefined : '0';
      expect(await answerTo('/empty')).toEqual([200, '', length, undefined]);
      expect(await answerTo('/')).toEqual([200, 'a body.', undefined, coding]);
      expect(app.accepted()).toBe(1);
    });

    http1('one after the other on one connection, framed for HTTP/1.1', async () => {
      await using app = await startH2cApp(withoutBody);
      await using plane = await planeOf(app.port);
      using client = await RawClient.open(plane.port);
      const host = `Host: ${testHost}`;
      client.send(headOf('HEAD / HTTP/1.1', host) + headOf('GET /204 HTTP/1.1', host));
      client.send(headOf('GET /empty HTTP/1.1', host) + headOf('GET / HTTP/1.1', host, 'Connection: close'));
      const received = await client.ends();
      expect(statusesOf(received)).toEqual([200, 204, 200, 200]);
      expect(received).toMatch(/7\r\na body\.\r\n0\r\n\r\n$/);
    });

    http1('trailers of a chunked request and of a response go through', async () => {
      await using app = await startH2cApp((stream) => void answerTrailers(stream));
      await using plane = await planeOf(app.port);
      using client = await RawClient.open(plane.port);
      client.send(headOf('POST / HTTP/1.1', `Host: ${testHost}`, 'Transfer-Encoding: chunked'));
      client.send('4\r\nfour\r\n0\r\nX-Sum: right\r\n\r\n');
      const received = await client.receives((text) => /x-told: .*\r\n\r\n$/i.test(text));
      expect(received).toMatch(/trailer: x-told\r\n/i);
      expect(received).toMatch(/4\r\ntold\r\n0\r\nx-told: right of 4\r\n\r\n$/i);
    });

    http1('an HTTP/1.0 client is answered until the connection ends', async () => {
      await using app = await startH2cApp((stream) => answerWith(stream, 'old friend'));
      await using plane = await planeOf(app.port);
      using client = await RawClient.open(plane.port);
      client.send(headOf('GET / HTTP/1.0', `Host: ${testHost}`));
      expect(await client.ends()).toMatch(/\r\n\r\nold friend$/);
    });

    http1('a client that waits for 100 Continue gets it, and interim responses of the app', async () => {
      await using app = await startH2cApp((stream) => {
        stream.additionalHeaders({ ':status': 103, link: '</a.css>' });
        void bodyOf(stream).then((body) => answerWith(stream, body.toString()));
      });
      await using plane = await planeOf(app.port);
      using client = await RawClient.open(plane.port);
      client.send(
        headOf('POST / HTTP/1.1', `Host: ${testHost}`, 'Expect: 100-continue', 'Content-Length: 4'),
      );
      await client.receives((text) => text.includes('100 Continue') && text.includes('103 '));
      client.send('four');
      expect(await client.receives((text) => text.endsWith('\r\n0\r\n\r\n'))).toMatch(/four/);
      expect(app.seen[0]).not.toHaveProperty('expect');
    });

    test('a field that HTTP/1.1 could not carry never arrives, and affinity cookies are set', async () => {
      await using app = await startH2cApp((stream) => {
        stream.respond({ ':status': 200, 'set-cookie': ['a=1', 'b=2'] });
        stream.end('ok');
      });
      await using plane = await startPlane(lane, {
        deployments: [{ instances: [h2cInstanceAt(app.port)], policy: { affinity: 'cookie' } }],
      });
      const { headers } = await ask({ port: plane.port });
      expect(headers['set-cookie']).toHaveLength(3);
    });
  });
}
