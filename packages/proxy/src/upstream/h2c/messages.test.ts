// What goes to an HTTP/2 app and comes back: heads, bodies, trailers, interim responses.
import { describe, expect, test } from 'vitest';
import { answerWith, bodyOf, startH2cApp } from '../testing/h2c-app.ts';
import { sendRecorded } from '../testing/recorded-call.ts';
import { openClient } from '../testing/open-client.ts';

const post = { method: 'POST', replayable: false } as const;

describe('a request', () => {
  test('has pseudo-header fields for its line and Host, names in lower case, and nothing of a connection', async () => {
    const raws: (readonly string[])[] = [];
    await using app = await startH2cApp((stream, _fields, raw) => {
      raws.push(raw);
      answerWith(stream, 'hello');
    });
    using client = openClient();
    const headers = [
      'Host',
      'a.example',
      'X-Twice',
      '1',
      'X-Twice',
      '2',
      'Connection',
      'close',
      'TE',
      'trailers',
    ];
    const result = await sendRecorded(client, app.target, { target: '/a?b=c', headers }).done;
    expect(result).toMatchObject({ body: 'hello', failure: null, head: { status: 200 } });
    expect(result.events).toEqual(['head', 'data', 'end']);
    expect(raws[0]).toEqual([
      ':method',
      'GET',
      ':scheme',
      'http',
      ':path',
      '/a?b=c',
      ':authority',
      'a.example',
      'x-twice',
      '1',
      'x-twice',
      '2',
      'te',
      'trailers',
    ]);
  });

  test('carries octets above ASCII in fields both ways as they are', async () => {
    await using app = await startH2cApp((stream, fields) => {
      stream.respond([':status', '200', 'x-back', String(fields['x-there'])] as never);
      stream.end();
    });
    using client = openClient();
    // UTF-8 as latin1: an octet that is no white space, whatever it is as a character.
    for (const value of ['gr\u00fc\u00df', 'voil\u00c3\u00a0', '\u00a0\u00a0']) {
      const headers = ['Host', 'a.example', 'X-There', value];
      const { head } = await sendRecorded(client, app.target, { headers }).done;
      expect(app.seen.at(-1)?.['x-there']).toBe(value);
      expect(head?.field('x-back')).toBe(value);
    }
  });

  test.each([
    ['a target with a line end', { target: '/a\r\nx: y' }],
    ['a value with a line end', { headers: ['Host', 'a', 'X', 'a\nb'] }],
    ['a name with a space', { headers: ['Host', 'a', 'X Y', 'b'] }],
  ])('with %s is refused without a connection', async (_title, change) => {
    await using app = await startH2cApp((stream) => answerWith(stream, ''));
    using client = openClient();
    const result = await sendRecorded(client, app.target, change).done;
    expect(result.failure?.kind).toBe('malformed');
    expect(app.accepted()).toBe(0);
  });

  test('streams a body of known and of unknown length, trailers included', async () => {
    const trailers: unknown[] = [];
    await using app = await startH2cApp((stream) => {
      stream.once('trailers', (fields) => trailers.push(fields['x-sum']));
      void bodyOf(stream).then((body) => answerWith(stream, String(body.length)));
    });
    using client = openClient();
    const chunk = Buffer.alloc(1_000, 'x');
    const sized = sendRecorded(client, app.target, {
      ...post,
      body: { kind: 'sized', bytes: 2_000 },
      onReady: (call) => {
        call.write(chunk);
        call.write(chunk);
        call.end();
      },
    });
    expect((await sized.done).body).toBe('2000');
    expect(app.seen[0]?.['content-length']).toBe('2000');
    const unsized = sendRecorded(client, app.target, {
      ...post,
      body: { kind: 'chunked' },
      onReady: (call) => {
        call.write(chunk);
        call.end(['X-Sum', 'abc', 'Connection', 'close']);
      },
    });
    expect((await unsized.done).body).toBe('1000');
    expect(app.seen[1]).not.toHaveProperty('content-length');
    expect(trailers).toEqual(['abc']);
    expect(app.accepted()).toBe(1);
  });

  test.each([
    [5, 'shorter'],
    [3, 'longer'],
  ])('whose body is not the %i octets that it says is cut: %s', async (bytes, word) => {
    const resets: number[] = [];
    await using app = await startH2cApp((stream) => {
      stream.resume();
      stream.once('close', () => resets.push(stream.rstCode));
    });
    using client = openClient();
    const sent = sendRecorded(client, app.target, {
      ...post,
      body: { kind: 'sized', bytes },
      onReady: (call) => {
        call.write(Buffer.from('four'));
        call.end();
      },
    });
    expect((await sent.done).failure).toMatchObject({
      kind: 'malformed',
      cause: { message: expect.stringContaining(word) },
    });
    await expect.poll(() => resets).toEqual([8]);
  });
});

describe('a response', () => {
  test('tells its body: none, a length, or until its end', async () => {
    await using app = await startH2cApp((stream, fields) => {
      const path = fields[':path'];
      if (path === '/204') stream.respond({ ':status': 204 }, { endStream: true });
      else if (path === '/empty') stream.respond({ ':status': 200 }, { endStream: true });
      else if (path === '/sized') {
        stream.respond({ ':status': 200, 'content-length': '3' });
        stream.end('abc');
      } else answerWith(stream, 'abc');
    });
    using client = openClient();
    const kind = async (target: string, method = 'GET'): Promise<unknown> =>
      (await sendRecorded(client, app.target, { target, method }).done).head?.body;
    expect(await kind('/204')).toEqual({ kind: 'none' });
    expect(await kind('/empty')).toEqual({ kind: 'sized', bytes: 0 });
    expect(await kind('/sized')).toEqual({ kind: 'sized', bytes: 3 });
    expect(await kind('/')).toEqual({ kind: 'chunked' });
    expect(await kind('/', 'HEAD')).toEqual({ kind: 'none' });
  });

  test('brings interim responses and trailers', async () => {
    await using app = await startH2cApp((stream) => {
      stream.additionalHeaders({ ':status': 103, link: '</a.css>' });
      stream.respond({ ':status': 200 }, { waitForTrailers: true });
      stream.once('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '5' }));
      stream.end('body');
    });
    using client = openClient();
    const result = await sendRecorded(client, app.target).done;
    expect(result).toMatchObject({ informational: [103], body: 'body', trailers: ['grpc-status', '5'] });
  });

  test('with more interim responses than any app has to say is malformed', async () => {
    await using app = await startH2cApp((stream) => {
      for (let count = 0; count < 20 && !stream.closed; count += 1)
        stream.additionalHeaders({ ':status': 103 });
    });
    using client = openClient();
    expect((await sendRecorded(client, app.target).done).failure?.kind).toBe('malformed');
  });

  test('that comes before the request has ended is whole, and the rest is not asked for', async () => {
    const resets: number[] = [];
    await using app = await startH2cApp((stream) => {
      stream.once('close', () => resets.push(stream.rstCode));
      answerWith(stream, 'enough');
    });
    using client = openClient();
    const sent = sendRecorded(client, app.target, {
      ...post,
      body: { kind: 'chunked' },
      onReady: (call) => call.write(Buffer.from('begun')),
    });
    expect(await sent.done).toMatchObject({ body: 'enough', failure: null });
    await expect.poll(() => resets).toHaveLength(1);
    sent.call.write(Buffer.from('more'));
    sent.call.end();
  });
});
