// Conformance: apps whose responses two readers could frame in two ways (spec 90). They are answered with 502 where
// nothing was said yet and broken off otherwise, and what an app adds is never taken for the answer to somebody else.
import { describe, expect, test } from 'vitest';
import { startRawApp, type TestApp } from './test-app.ts';
import { askerOf, headOf } from './test-client.ts';
import { instanceAt, startPlane, type LaneUnderTest } from './test-plane.ts';

const poison = headOf('HTTP/1.1 200 OK', 'Content-Length: 6') + 'poison';

/** No client sees a word of it. */
const malformed: Readonly<Record<string, string>> = {
  'a length beside chunks':
    headOf('HTTP/1.1 200 OK', 'Content-Length: 5', 'Transfer-Encoding: chunked') + '0\r\n\r\n',
  'two lengths that differ': headOf('HTTP/1.1 200 OK', 'Content-Length: 0', 'Content-Length: 73') + poison,
  'two lengths that agree': headOf('HTTP/1.1 200 OK', 'Content-Length: 0', 'Content-Length: 0'),
  'a list of lengths': headOf('HTTP/1.1 200 OK', 'Content-Length: 5, 5') + 'hello',
  'a signed length': headOf('HTTP/1.1 200 OK', 'Content-Length: +5') + 'hello',
  'a negative length': headOf('HTTP/1.1 200 OK', 'Content-Length: -5') + 'hello',
  'a hexadecimal length': headOf('HTTP/1.1 200 OK', 'Content-Length: 0x5') + 'hello',
  'an empty length': headOf('HTTP/1.1 200 OK', 'Content-Length: ') + poison,
  'a length beyond any number': headOf('HTTP/1.1 200 OK', 'Content-Length: 99999999999999999999'),
  'an unknown coding': headOf('HTTP/1.1 200 OK', 'Transfer-Encoding: xchunked') + '0\r\n\r\n',
  'a coding before chunked': headOf('HTTP/1.1 200 OK', 'Transfer-Encoding: gzip, chunked') + '0\r\n\r\n',
  'two codings':
    headOf('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked', 'Transfer-Encoding: chunked') + '0\r\n\r\n',
  'a coding in HTTP/1.0': headOf('HTTP/1.0 200 OK', 'Transfer-Encoding: chunked') + '0\r\n\r\n',
  'a space before the colon': headOf('HTTP/1.1 200 OK', 'Content-Length : 5') + 'hello',
  'a folded line': headOf('HTTP/1.1 200 OK', 'X-Folded: one', ' two'),
  'a bare LF after the status line': 'HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n',
  'a bare LF after a field': 'HTTP/1.1 200 OK\r\nX: a\nSet-Cookie: b=c\r\n\r\n',
  'a bare CR in a value': headOf('HTTP/1.1 200 OK', 'X: a\rSet-Cookie: b=c'),
  'a NUL in a value': headOf('HTTP/1.1 200 OK', 'X: a\0b'),
  'an empty field name': headOf('HTTP/1.1 200 OK', ': x'),
  'a line without a colon': headOf('HTTP/1.1 200 OK', 'X-Nothing'),
  'a status of two digits': headOf('HTTP/1.1 20 OK'),
  'another version': headOf('HTTP/2 200'),
  'a protocol switch that nobody asked for':
    headOf('HTTP/1.1 101 Switching Protocols', 'Upgrade: x') + poison,
  'interim responses without end': headOf('HTTP/1.1 102 Processing').repeat(200) + poison,
  'a head without end': `HTTP/1.1 200 OK\r\n${'X-Filler: 0123456789\r\n'.repeat(20_000)}`,
};

/** Right up to its end: whoever asks next gets an answer of his own. */
const overlong: Readonly<Record<string, string>> = {
  'bytes after a sized body': headOf('HTTP/1.1 200 OK', 'Content-Length: 5') + `right${poison}`,
  'bytes after the last chunk': `${headOf('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked')}5\r\nright\r\n0\r\n\r\n${poison}`,
};

const broken: Readonly<Record<string, string>> = {
  'a chunk size that is no number': 'xyz\r\n',
  'a chunk longer than it says': '3\r\nhello\r\n0\r\n\r\n',
  'bare LFs around a chunk': '5\nhello\n0\n\n',
  'a bare LF in a chunk extension': '5;a\nhello\r\n0\r\n\r\n',
  'a length as trailer': '5\r\nhello\r\n0\r\nContent-Length: 5\r\n\r\n',
};

/** Says these bytes to `/bad`, and to everything else what is right. */
const appSaying = (bytes: string): Promise<TestApp> =>
  startRawApp((socket) => {
    socket.on('data', (chunk: Buffer) => {
      const isBad = chunk.toString('latin1').startsWith('GET /bad');
      socket.write(isBad ? bytes : headOf('HTTP/1.1 200 OK', 'Content-Length: 4') + 'good', 'latin1');
    });
  });

export function describeHostileApps(lane: LaneUnderTest): void {
  const ask = askerOf(lane);

  const asking = async (
    bytes: string,
    check: (bad: Promise<{ status: number; body: string }>) => Promise<void>,
  ) => {
    await using app = await appSaying(bytes);
    await using plane = await startPlane(lane, { deployments: [{ instances: [instanceAt(app.port)] }] });
    await check(ask({ port: plane.port, path: '/bad' }));
    expect(await ask({ port: plane.port, path: '/good' })).toMatchObject({ status: 200, body: 'good' });
  };

  describe(`hostile apps (${lane.name})`, () => {
    test.each(Object.entries(malformed))('answers 502 to %s', async (_name, bytes) => {
      await asking(bytes, async (bad) => {
        const { status, body } = await bad;
        expect(status).toBe(502);
        expect(body).not.toContain('poison');
      });
    });

    test.each(Object.entries(overlong))('lets nobody else have %s', async (_name, bytes) => {
      await asking(bytes, async (bad) => {
        expect(await bad).toMatchObject({ status: 200, body: 'right' });
      });
    });

    test.each(Object.entries(broken))('breaks off at %s', async (_name, chunks) => {
      await asking(headOf('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked') + chunks, async (bad) => {
        await expect(bad).rejects.toThrow(/\w/);
      });
    });
  });
}
