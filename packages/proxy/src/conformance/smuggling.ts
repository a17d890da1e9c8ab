// Conformance: the request smuggling corpus of spec 90. Bytes that two readers could frame in two ways are refused and
// the connection ends; whatever an app gets is exactly one message.
import { describe, expect, test } from 'vitest';
import { startApp } from './test-app.ts';
import { headOf, RawClient, statusesOf } from './test-client.ts';
import { brokenBodies, hidden, host, refusedRequests } from './smuggling-corpus.ts';
import { instanceAt, startPlane, testHost, type LaneUnderTest } from './test-plane.ts';

export function describeSmuggling(lane: LaneUnderTest): void {
  describe(`request smuggling (${lane.name})`, () => {
    test.each(Object.entries(refusedRequests))('refuses %s', async (_name, bytes) => {
      await using app = await startApp();
      await using plane = await startPlane(lane, { deployments: [{ instances: [instanceAt(app.port)] }] });
      using client = await RawClient.open(plane.port);
      client.send(bytes);
      expect(statusesOf(await client.ends())).toEqual([400]);
      expect(app.accepted).toBe(0);
    });

    test.each(Object.entries(brokenBodies))('breaks off at %s', async (_name, body) => {
      await using app = await startApp();
      await using plane = await startPlane(lane, { deployments: [{ instances: [instanceAt(app.port)] }] });
      using client = await RawClient.open(plane.port);
      client.send(headOf('POST / HTTP/1.1', host, 'Transfer-Encoding: chunked') + body + hidden);
      expect(statusesOf(await client.ends())).toEqual([400]);
      // Not one whole message arrived: neither the broken one nor what was hidden behind it.
      expect(app.seen).toEqual([]);
    });

    test('reads CL.0 as what it says: the body of one message, never the head of a second', async () => {
      await using app = await startApp();
      await using plane = await startPlane(lane, { deployments: [{ instances: [instanceAt(app.port)] }] });
      using client = await RawClient.open(plane.port);
      client.send(
        headOf('GET / HTTP/1.1', host, `Content-Length: ${hidden.length}`, 'Connection: close') + hidden,
      );
      expect(statusesOf(await client.ends())).toEqual([200]);
      expect(app.seen.map(({ url, body }) => [url, body])).toEqual([['/', hidden]]);
    });

    test('drops chunk extensions and passes trailers as trailers', async () => {
      await using app = await startApp();
      await using plane = await startPlane(lane, { deployments: [{ instances: [instanceAt(app.port)] }] });
      using client = await RawClient.open(plane.port);
      client.send(
        headOf('POST / HTTP/1.1', host, 'Transfer-Encoding: chunked', 'Trailer: X-Sum', 'Connection: close') +
          '5;name="v;\\"al"\r\nhello\r\n0\r\nX-Sum: 1\r\nAuthorization: x\r\nHost: evil\r\n\r\n',
      );
      expect(statusesOf(await client.ends())).toEqual([200]);
      expect(app.seen).toMatchObject([
        { body: 'hello', headers: { host: testHost }, trailers: { 'x-sum': '1' } },
      ]);
      expect(Object.keys(app.seen[0]?.trailers ?? {})).toEqual(['x-sum']);
    });

    test('answers what came before the garbage, then refuses and ends', async () => {
      await using app = await startApp();
      await using plane = await startPlane(lane, { deployments: [{ instances: [instanceAt(app.port)] }] });
      using client = await RawClient.open(plane.port);
      client.send(
        headOf('GET /first HTTP/1.1', host) +
          headOf('GET /second HTTP/1.1', host, 'Content-Length : 3') +
          hidden,
      );
      expect(statusesOf(await client.ends())).toEqual([200, 400]);
      expect(app.seen.map((seen) => seen.url)).toEqual(['/first']);
    });

    test('answers all that came before the garbage, each begun after the one before it', async () => {
      const events: string[] = [];
      await using app = await startApp((message, response) => {
        events.push(`begins ${message.url}`);
        message.resume();
        message.on('end', () =>
          setImmediate(() => {
            events.push(`ends ${message.url}`);
            response.end('ok');
          }),
        );
      });
      await using plane = await startPlane(lane, { deployments: [{ instances: [instanceAt(app.port)] }] });
      using client = await RawClient.open(plane.port);
      const posts = ['/a', '/b', '/c'].map(
        (path) => headOf(`POST ${path} HTTP/1.1`, host, 'Content-Length: 2') + 'xx',
      );
      client.send(`${posts.join('')}${headOf('GET /d HTTP/1.1', 'Host : x')}${hidden}`);
      expect(statusesOf(await client.ends())).toEqual([200, 200, 200, 400]);
      expect(events).toEqual(['/a', '/b', '/c'].flatMap((path) => [`begins ${path}`, `ends ${path}`]));
    });

    test('answers a client that ended its side after its last request', async () => {
      await using app = await startApp();
      await using plane = await startPlane(lane, { deployments: [{ instances: [instanceAt(app.port)] }] });
      using client = await RawClient.open(plane.port);
      client.send(headOf('GET /a HTTP/1.1', host) + headOf('GET /b HTTP/1.1', host));
      client.socket.end();
      expect(statusesOf(await client.ends())).toEqual([200, 200]);
      expect(app.seen.map((seen) => seen.url)).toEqual(['/a', '/b']);
    });

    test('keeps an answer that was given before the body turned out to be malformed', async () => {
      await using app = await startApp();
      await using plane = await startPlane(lane, { deployments: [{ instances: [instanceAt(app.port)] }] });
      using client = await RawClient.open(plane.port);
      client.send(
        headOf('POST /x HTTP/1.1', 'Host: other.example.com', 'Transfer-Encoding: chunked') + 'nothing\r\n',
      );
      expect(statusesOf(await client.ends())).toEqual([404]);
      expect(app.accepted).toBe(0);
    });

    test('reads a request line with two spaces as nothing or as one message', async () => {
      await using app = await startApp();
      await using plane = await startPlane(lane, { deployments: [{ instances: [instanceAt(app.port)] }] });
      using client = await RawClient.open(plane.port);
      client.send(headOf('GET  /one HTTP/1.1', host, 'Connection: close') + hidden);
      const [status] = statusesOf(await client.ends());
      expect(app.seen.map((seen) => seen.url)).toEqual(status === 400 ? [] : ['/one']);
    });

    test('lets a client name no field away that the app relies on', async () => {
      await using app = await startApp();
      await using plane = await startPlane(lane, { deployments: [{ instances: [instanceAt(app.port)] }] });
      using client = await RawClient.open(plane.port);
      client.send(
        headOf(
          'GET / HTTP/1.1',
          host,
          'X-Mine: 1',
          'Cookie: a=b',
          'Connection: close, X-Mine, Host, Cookie, X-Forwarded-For',
        ),
      );
      await client.ends();
      expect(app.seen[0]?.headers).toMatchObject({
        host: testHost,
        cookie: 'a=b',
        'x-forwarded-for': '127.0.0.1',
      });
      expect(app.seen[0]?.headers['x-mine']).toBeUndefined();
    });
  });
}
