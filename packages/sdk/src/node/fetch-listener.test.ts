import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { expect, test, vi } from 'vitest';
import { type FetchHandler } from '../app.ts';
import { request } from '../testing/app-process.ts';
import { createFetchListener } from './fetch-listener.ts';
import { createNodeServer } from './server.ts';

interface TestServer extends AsyncDisposable {
  readonly port: number;
  readonly server: http.Server;
}

async function listen(fetch: FetchHandler, isManaged = true): Promise<TestServer> {
  const server = createNodeServer({ fetch }, isManaged).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  };
  return { port: (server.address() as AddressInfo).port, server, [Symbol.asyncDispose]: close };
}

const local = { host: '127.0.0.1' };
const silence = (): ReturnType<typeof vi.spyOn> => vi.spyOn(process.stderr, 'write').mockReturnValue(true);

test('a handler sees method, URL, headers and body as they were sent', async () => {
  await using server = await listen(async (incoming) =>
    Response.json({
      method: incoming.method,
      url: incoming.url,
      many: incoming.headers.get('x-many'),
      text: await incoming.text(),
    }),
  );
  const headers = { host: 'shop.example:8080', 'x-many': ['a', 'b'], 'x-forwarded-proto': 'https' };
  const answer = await request({
    ...local,
    port: server.port,
    path: '/p%20q?x=1&y',
    method: 'PUT',
    headers,
    content: 'käse',
  });
  expect(JSON.parse(answer.body)).toEqual({
    method: 'PUT',
    url: 'https://shop.example:8080/p%20q?x=1&y',
    many: 'a, b',
    text: 'käse',
  });
});

test('X-Forwarded-Proto of anybody is not believed outside Tako', async () => {
  await using server = await listen((incoming) => new Response(incoming.url), false);
  const answer = await request({
    ...local,
    port: server.port,
    path: '/',
    headers: { 'x-forwarded-proto': 'https' },
  });
  expect(answer.body).toBe(`http://127.0.0.1:${server.port}/`);
});

test('a target that looks like another host stays a path', async () => {
  await using server = await listen((incoming) => new Response(incoming.url));
  expect((await request({ ...local, port: server.port, path: '//evil.example/x' })).body).toBe(
    `http://127.0.0.1:${server.port}//evil.example/x`,
  );
});

test.each(['a b', 'x/y', 'user@host', 'x?y'])('a Host header "%s" is answered with 400', async (host) => {
  await using server = await listen(() => new Response('reached'));
  expect(await request({ ...local, port: server.port, path: '/', headers: { host } })).toMatchObject({
    status: 400,
    body: 'Bad Request\n',
  });
});

test('a method that the fetch standard forbids is answered with 405', async () => {
  await using server = await listen(() => new Response('reached'));
  expect((await request({ ...local, port: server.port, path: '/', method: 'TRACE' })).status).toBe(405);
});

test('several Set-Cookie headers stay several', async () => {
  await using server = await listen(
    () =>
      new Response(null, {
        status: 204,
        headers: [
          ['set-cookie', 'a=1; Path=/'],
          ['set-cookie', 'b=2'],
          ['x-one', '1'],
          ['x-one', '2'],
        ],
      }),
  );
  const answer = await request({ ...local, port: server.port, path: '/' });
  expect(answer.status).toBe(204);
  expect(answer.headers['set-cookie']).toEqual(['a=1; Path=/', 'b=2']);
  expect(answer.headers['x-one']).toBe('1, 2');
});

test('a body that is whole has its length, a streamed one is chunked, and both arrive', async () => {
  await using server = await listen((incoming) => {
    if (incoming.url.endsWith('/whole')) return new Response('héllo');
    if (incoming.url.endsWith('/empty')) return new Response('');
    return new Response(
      new ReadableStream({
        async start(controller) {
          controller.enqueue(new TextEncoder().encode('first '));
          await new Promise((resolve) => {
            setTimeout(resolve, 5);
          });
          controller.enqueue(new TextEncoder().encode('second'));
          controller.close();
        },
      }),
    );
  });
  const get = (path: string): ReturnType<typeof request> => request({ ...local, port: server.port, path });
  expect(await get('/whole')).toMatchObject({ body: 'héllo', headers: { 'content-length': '6' } });
  expect(await get('/empty')).toMatchObject({ body: '', headers: { 'content-length': '0' } });
  expect(await get('/streamed')).toMatchObject({
    body: 'first second',
    headers: { 'transfer-encoding': 'chunked' },
  });
});

test('an event reaches the client when it is written, not when the stream ends', async () => {
  const source = Promise.withResolvers<ReadableStreamDefaultController<Uint8Array>>();
  await using server = await listen(
    () => new Response(new ReadableStream({ start: (controller) => source.resolve(controller) })),
  );
  const outgoing = http.get({ ...local, port: server.port });
  const controller = await source.promise;
  for (const event of ['data: 1\n\n', 'data: 2\n\n']) {
    controller.enqueue(new TextEncoder().encode(event));
    if (event.includes('1'))
      await once(outgoing, 'response').then(([incoming]: http.IncomingMessage[]) =>
        incoming?.setEncoding('utf8').pause(),
      );
    const incoming = (outgoing as unknown as { res: http.IncomingMessage }).res;
    incoming.resume();
    expect(await once(incoming, 'data')).toEqual([event]);
  }
  outgoing.destroy();
});

test('HEAD gets the headers and no body, and the source is told', async () => {
  const cancelled = vi.fn();
  await using server = await listen(
    (incoming) =>
      new Response(new ReadableStream({ cancel: cancelled }), {
        headers: { 'content-length': '7', 'x-method': incoming.method },
      }),
  );
  const answer = await request({ ...local, port: server.port, path: '/', method: 'HEAD' });
  expect(answer).toMatchObject({
    status: 200,
    body: '',
    headers: { 'content-length': '7', 'x-method': 'HEAD' },
  });
  expect(cancelled).toHaveBeenCalledOnce();
});

test('64 MiB pass unharmed in both directions, while neither side is held in memory', async () => {
  await using server = await listen((incoming) => new Response(incoming.body));
  const block = randomBytes(1024 * 1024);
  const sent = createHash('sha256');
  const received = createHash('sha256');
  const before = process.memoryUsage().rss;
  const outgoing = http.request({ ...local, port: server.port, method: 'POST' });
  const answered = once(outgoing, 'response') as Promise<[http.IncomingMessage]>;
  const upload = (async (): Promise<void> => {
    for (let count = 0; count < 64; count += 1) {
      sent.update(block);
      if (!outgoing.write(block)) await once(outgoing, 'drain');
    }
    outgoing.end();
  })();
  const [incoming] = await answered;
  for await (const chunk of incoming) received.update(chunk as Buffer);
  await upload;
  expect(received.digest('hex')).toBe(sent.digest('hex'));
  expect(process.memoryUsage().rss - before).toBeLessThan(160 * 1024 * 1024);
});

test('a slow client holds the source back, and one that goes away cancels it and aborts the request', async () => {
  let produced = 0;
  const stalled = Promise.withResolvers<void>();
  const cancelled = Promise.withResolvers<void>();
  const aborted = Promise.withResolvers<void>();
  const block = new Uint8Array(1024 * 1024);
  await using server = await listen((incoming) => {
    incoming.signal.addEventListener('abort', () => aborted.resolve());
    let idle: NodeJS.Timeout | undefined;
    return new Response(
      new ReadableStream({
        pull(controller) {
          produced += 1;
          clearTimeout(idle);
          // Nothing was asked for in this time: the sockets are full, as they should be.
          idle = setTimeout(() => stalled.resolve(), 300);
          if (produced < 1000) controller.enqueue(block);
        },
        cancel: () => cancelled.resolve(),
      }),
    );
  });
  const socket = net.connect(server.port, '127.0.0.1');
  socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  await stalled.promise;
  expect(produced).toBeLessThan(50);
  socket.destroy();
  await Promise.all([cancelled.promise, aborted.promise]);
});

test('a slow handler holds the upload back', async () => {
  const reached = Promise.withResolvers<Request>();
  const answer = Promise.withResolvers<Response>();
  await using server = await listen((incoming) => {
    reached.resolve(incoming);
    return answer.promise;
  });
  const outgoing = http.request({ ...local, port: server.port, method: 'POST' });
  const block = Buffer.alloc(1024 * 1024);
  let accepted = 0;
  while (outgoing.write(block) && accepted < 64) accepted += 1;
  outgoing.on('drain', () => {
    accepted += 1;
    if (accepted < 64) outgoing.write(block);
  });
  await reached.promise;
  await new Promise((resolve) => {
    setTimeout(resolve, 300);
  });
  expect(accepted).toBeLessThan(32);
  outgoing.end();
  answer.resolve(new Response('late'));
  const [incoming] = (await once(outgoing, 'response')) as [http.IncomingMessage];
  expect(incoming.statusCode).toBe(200);
  outgoing.destroy();
});

test('a body that the handler read by half leaves the connection usable', async () => {
  await using server = await listen(async (incoming) => {
    const reader = incoming.body?.getReader();
    await reader?.read();
    await reader?.cancel();
    return new Response(`${incoming.method} done`);
  });
  let connections = 0;
  server.server.on('connection', () => (connections += 1));
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  for (const path of ['/first', '/second']) {
    const answer = await request({
      ...local,
      port: server.port,
      path,
      agent,
      method: 'POST',
      content: 'x'.repeat(3_000_000),
    });
    expect(answer.body).toBe('POST done');
  }
  expect(connections).toBe(1);
  agent.destroy();
});

test('an upload that goes on after the answer is dropped for a while, then its connection is closed', async () => {
  const listener = createFetchListener(
    { fetch: () => new Response('enough') },
    { trustForwardedProto: false, lingerMs: 30 },
  );
  await using server = http.createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = net.connect((server.address() as AddressInfo).port, '127.0.0.1').setEncoding('utf8');
  socket.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf');
  expect(String(await once(socket, 'data'))).toContain('200 OK');
  await once(socket, 'close');
});

test('the abort signal stays silent when the exchange ends well', async () => {
  const aborted = vi.fn();
  await using server = await listen((incoming) => {
    incoming.signal.addEventListener('abort', aborted);
    return new Response('ok');
  });
  await request({ ...local, port: server.port, path: '/' });
  await request({ ...local, port: server.port, path: '/' });
  expect(aborted).not.toHaveBeenCalled();
});

test.each([
  [
    'throws',
    () => {
      throw new Error('inner detail');
    },
  ],
  ['rejects with no error', () => Promise.reject('inner detail')],
  ['returns no Response', () => 'inner detail' as unknown as Response],
  ['returns Response.error()', () => Response.error()],
  [
    'returns a Response that was read',
    async () => {
      const response = new Response('inner detail', { headers: { 'x-inner': 'detail' } });
      await response.text();
      return response;
    },
  ],
  [
    'returns a body of strings',
    () =>
      new Response(
        new ReadableStream({
          start(controller) {
            controller.enqueue('inner detail' as unknown as Uint8Array);
            controller.close();
          },
        }),
      ),
  ],
])('a handler that %s is answered with a plain 500', async (_what, handler) => {
  using log = silence();
  await using server = await listen(handler);
  const answer = await request({ ...local, port: server.port, path: '/secret?token=1' });
  expect(answer).toMatchObject({ status: 500, body: 'Internal Server Error\n' });
  expect(JSON.stringify(answer.headers)).not.toContain('inner');
  expect(String(log.mock.calls[0]?.[0])).toMatch(/^tako: GET \/secret failed: /);
});

test.each([
  [
    'fails in the middle',
    () =>
      new ReadableStream({
        pull: vi
          .fn()
          .mockImplementationOnce((c: ReadableStreamDefaultController) => c.enqueue(Buffer.from('part')))
          .mockImplementation(
            () =>
              new Promise((_resolve, reject) => {
                setTimeout(() => reject(new Error('source broke')), 20);
              }),
          ),
      }),
    {},
  ],
  ['is shorter than its Content-Length', () => new Blob(['short']).stream(), { 'content-length': '100' }],
])('a body that %s never looks complete', async (_what, body, headers) => {
  using _log = silence();
  await using server = await listen(() => new Response(body(), { headers }));
  await expect(request({ ...local, port: server.port, path: '/' })).rejects.toThrow(/aborted|hang up/);
});

test('what fetch() returned is passed on decoded, without the headers of its encoded form', async () => {
  await using origin = http
    .createServer((_request, response) =>
      response.writeHead(200, { 'content-encoding': 'gzip', 'x-own': '1' }).end(gzipSync('zipped')),
    )
    .listen(0, '127.0.0.1');
  await once(origin, 'listening');
  await using server = await listen(() =>
    fetch(`http://127.0.0.1:${(origin.address() as AddressInfo).port}/`, {
      headers: { connection: 'close' },
    }),
  );
  const answer = await request({ ...local, port: server.port, path: '/' });
  expect(answer).toMatchObject({ status: 200, body: 'zipped', headers: { 'x-own': '1' } });
  expect(answer.headers['content-encoding']).toBeUndefined();
});
