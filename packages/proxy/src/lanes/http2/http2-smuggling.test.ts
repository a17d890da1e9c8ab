// HTTP/2 requests made to become two HTTP/1.1 ones on their way to an app (RFC 9113 §8.2.1, §10.3): fields that hold
// line ends, framing that HTTP/2 does not have, bodies that are not as long as told.
import { describe, expect, test } from 'vitest';
import {
  endHeaders,
  endStream,
  fieldBlock,
  frame,
  frameType,
  RawHttp2Client,
  usualFields,
} from '../../conformance/http2-frames.ts';
import { http2Lanes } from '../../conformance/http2-lanes.ts';
import { startApp } from '../../conformance/test-app.ts';
import { instanceAt, startPlane, testHost } from '../../conformance/test-plane.ts';

const hidden = `\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: ${testHost}`;

const fields: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'a value with line ends': { 'x-a': `b\r\nx-smuggled: c` },
  'a value with a whole head': { 'x-a': `b${hidden}` },
  'a value with a bare LF': { 'x-a': 'b\nx-smuggled: c' },
  'a value with a NUL': { 'x-a': 'b\0c' },
  'a name with line ends': { 'x-a: b\r\nx-smuggled': 'c' },
  'a name with a colon': { 'x-a: b': 'c' },
  'a name with a space': { 'x a': 'b' },
  'a name in capitals': { 'Transfer-Encoding': 'chunked' },
  'an empty name': { '': 'x' },
  'a path with line ends': { ':path': `/ HTTP/1.1${hidden}` },
  'a path with a space': { ':path': '/ /smuggled' },
  'a method with a space': { ':method': `GET /smuggled HTTP/1.1\r\nx:` },
  'an authority with line ends': { ':authority': `${testHost}${hidden}` },
  'a host with line ends': { host: `${testHost}${hidden}` },
  'a transfer coding': { 'transfer-encoding': 'chunked' },
  'a connection field': { connection: 'close' },
  'two lengths in one': { 'content-length': '0, 5' },
  'a signed length': { 'content-length': '+5' },
};

/** Resolves when the request was reset, answered, or ended its connection. */
function judged(client: RawHttp2Client): Promise<unknown> {
  return Promise.race([
    client.receives(frameType.rstStream),
    client.receives(frameType.headers),
    client.goawayCode(),
  ]);
}

/** A good request on a connection of its own: by its answer, what the odd one made is with the app, too. */
async function askNext(port: number): Promise<void> {
  using next = await RawHttp2Client.open(port);
  const block = fieldBlock(usualFields(testHost, '/next'));
  next.send(frame(frameType.headers, endStream | endHeaders, 1, block));
  await next.receives(frameType.data);
}

describe.each(http2Lanes)('$name', (lane) => {
  describe('HTTP/2 fields', () => {
    test.each(Object.entries(fields))('with %s are one message or none', async (_name, odd) => {
      await using app = await startApp();
      await using plane = await startPlane(lane, { deployments: [{ instances: [instanceAt(app.port)] }] });
      {
        using client = await RawHttp2Client.open(plane.port);
        const block = fieldBlock({ ...usualFields(testHost, '/odd'), ...odd });
        client.send(frame(frameType.headers, endStream | endHeaders, 1, block));
        await judged(client);
      }
      await askNext(plane.port);
      // nghttp2 leaves out a field that no message may have, or resets the stream: one message or none, without it.
      expect(['/odd,/next', '/next']).toContain(app.seen.map(({ url }) => url).join());
      expect(JSON.stringify(app.seen)).not.toContain('smuggled');
      expect(app.seen[0]?.rawHeaders.filter((name) => /^(?:x-a|x a|x-a: b)$/i.test(name))).toEqual([]);
    });

    test.each([
      ['longer', '3'],
      ['shorter', '9'],
    ])('tell a length: a body that is %s reaches no app as a whole', async (_name, told) => {
      await using app = await startApp();
      await using plane = await startPlane(lane, { deployments: [{ instances: [instanceAt(app.port)] }] });
      using client = await RawHttp2Client.open(plane.port);
      const head = { ...usualFields(testHost, '/odd'), ':method': 'POST', 'content-length': told };
      client.send(
        frame(frameType.headers, endHeaders, 1, fieldBlock(head)),
        frame(frameType.data, endStream, 1, Buffer.from('GET /s')),
      );
      await judged(client);
      await askNext(plane.port);
      expect(app.seen.map(({ url }) => url)).toEqual(['/next']);
    });
  });
});
