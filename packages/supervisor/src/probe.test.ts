import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer as createHttpServer, type IncomingHttpHeaders, type RequestListener } from 'node:http';
import { createServer, type Server, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import type { ProbeResult } from './instance.types.ts';
import { limits } from './limits.ts';
import { probe } from './probe.ts';
import { freePort } from './testing.ts';

interface Listening extends AsyncDisposable {
  readonly port: number;
  readonly connections: () => number;
}

async function listen(server: Server): Promise<Listening> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const close = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => {
      server.close(resolve);
    });
  };
  return { port: address.port, connections: () => sockets.size, [Symbol.asyncDispose]: close };
}

/** A server that answers each connection with these bytes and keeps it open. */
const raw = (bytes: string | ((socket: Socket) => void)): Promise<Listening> =>
  listen(
    createServer((socket) => {
      socket.once('data', () => (typeof bytes === 'string' ? void socket.write(bytes) : bytes(socket)));
    }),
  );

const http = (listener: RequestListener): Promise<Listening> => listen(createHttpServer(listener));

function ask(
  port: number,
  spec: { token?: string | null; timeoutMs?: number; path?: string } = {},
  signal = new AbortController().signal,
): Promise<ProbeResult> {
  return probe({
    port,
    spec: {
      protocol: 'http1',
      path: '/status',
      hostHeader: 'tako-internal',
      token: null,
      timeoutMs: 300,
      ...spec,
    },
    signal,
  });
}

test('with the SDK: its host, the token there and back, no keep-alive', async () => {
  const seen: IncomingHttpHeaders[] = [];
  await using app = await http((request, response) => {
    seen.push(request.headers);
    response.setHeader('X-Tako-Internal-Token', request.headers['x-tako-internal-token'] ?? '');
    response.end('{"status":"ok"}');
  });
  expect(await ask(app.port, { token: 'abc' })).toMatchObject({
    ok: true,
    status: 200,
    firstBytes: '{"status":"ok"}',
    error: null,
  });
  expect(seen[0]).toMatchObject({
    host: 'tako-internal',
    'x-tako-internal-token': 'abc',
    connection: 'close',
  });
  expect(seen[0]).not.toHaveProperty('x-forwarded-proto');
});

test('without the SDK: the app’s route as host, as if it came over HTTPS, and no token', async () => {
  const seen: IncomingHttpHeaders[] = [];
  await using app = await http((request, response) => {
    seen.push(request.headers);
    response.writeHead(204).end();
  });
  expect(await ask(app.port)).toMatchObject({ ok: true, status: 204, firstBytes: null });
  expect(seen[0]).toMatchObject({ 'x-forwarded-proto': 'https' });
  expect(seen[0]).not.toHaveProperty('x-tako-internal-token');
});

test('a wrong or missing token is another program', async () => {
  await using app = await http((_request, response) =>
    response.setHeader('x-tako-internal-token', 'other').end(),
  );
  expect(await ask(app.port, { token: 'abc' })).toMatchObject({
    ok: false,
    status: 200,
    error: { kind: 'token' },
  });
});

test('a redirect is reported with its target and never followed', async () => {
  let requests = 0;
  await using app = await http((request, response) => {
    requests += 1;
    response.writeHead(301, { location: `https://${request.headers.host}/status` }).end();
  });
  const result = await ask(app.port);
  expect(result).toMatchObject({
    ok: false,
    status: 301,
    error: { kind: 'redirect', message: expect.stringContaining('301 to https://tako-internal/status') },
  });
  expect(requests).toBe(1);
});

test('nobody there is refused', async () => {
  expect(await ask(await freePort())).toMatchObject({ ok: false, status: null, error: { kind: 'refused' } });
});

test.each([
  ['a head that never comes', '', 'timeout'],
  ['half a head', 'HTTP/1.1 200 OK\r\nContent-Le', 'timeout'],
  ['garbage', 'SSH-2.0-OpenSSH_9\r\n\r\n', 'protocol'],
  [
    'a head without an end',
    `HTTP/1.1 200 OK\r\nX-Long: ${'x'.repeat(limits.probeHeaderBytesMax)}`,
    'protocol',
  ],
])('%s is no answer', async (_title, bytes, kind) => {
  await using app = await raw(bytes);
  expect(await ask(app.port)).toMatchObject({ ok: false, status: null, error: { kind } });
  await expect.poll(app.connections).toBe(0);
});

test('a connection cut before the head is a reset', async () => {
  await using app = await raw((socket) => socket.destroy());
  expect(await ask(app.port)).toMatchObject({ ok: false, error: { kind: 'reset' } });
});

test('a body cut off does not matter, since the head said 200', async () => {
  await using app = await raw((socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf'));
  expect(await ask(app.port)).toMatchObject({ ok: true, firstBytes: 'half' });
});

test('a body without an end takes a quarter of a second, not the time-out, and 4 KiB at most', async () => {
  await using slow = await raw('HTTP/1.1 200 OK\r\n\r\ndrip');
  const startedAt = performance.now();
  expect(await ask(slow.port, { timeoutMs: 10_000 })).toMatchObject({ ok: true, firstBytes: 'drip' });
  expect(performance.now() - startedAt).toBeLessThan(2_000);

  let written = 0;
  await using endless = await raw((socket) => {
    const pour = (): void => {
      while (!socket.destroyed && socket.write('x'.repeat(1024))) written += 1024;
    };
    socket.write('HTTP/1.1 500 Oops\r\n\r\n');
    socket.on('drain', pour);
    pour();
  });
  const result = await ask(endless.port);
  expect(result).toMatchObject({ ok: false, status: 500, error: { kind: 'status' } });
  expect(result.firstBytes).toHaveLength(limits.probeFirstCharactersMax);
  await expect.poll(endless.connections).toBe(0);
  expect(written).toBeGreaterThan(0);
});

test('what the app says cannot move the cursor of a terminal', async () => {
  await using app = await http((_request, response) =>
    response.writeHead(500).end('bad\u001b[2J\r\n\u202Eoops'),
  );
  expect((await ask(app.port)).firstBytes).toBe('bad [2J oops');
});

test('an upgrade is no answer', async () => {
  await using app = await raw(
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n',
  );
  expect(await ask(app.port)).toMatchObject({ ok: false, status: 101 });
});

test('it can be called off', async () => {
  await using app = await raw('');
  const off = new AbortController();
  const result = ask(app.port, { timeoutMs: 60_000 }, off.signal);
  off.abort();
  expect(await result).toMatchObject({ ok: false, error: { kind: 'timeout' } });
  expect(await ask(app.port, {}, off.signal)).toMatchObject({ ok: false });
});

test('a path that cannot be sent is a failed probe, not an exception', async () => {
  expect(await ask(1, { path: '/a b\n' })).toMatchObject({ ok: false, error: { kind: 'protocol' } });
});

test('a daemon that was busy itself takes the answer that is waiting, instead of blaming the app', async () => {
  const source =
    "require('http').createServer((q, r) => setTimeout(() => r.end('ok'), 30)).listen(0, '127.0.0.1', function () { console.log(this.address().port); })";
  const app = spawn(process.execPath, ['-e', source], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    const [port] = await once(app.stdout, 'data');
    const result = ask(Number(port), { timeoutMs: 100 });
    // Time for the request to leave; the answer comes while this process looks away, past its own deadline.
    await new Promise((resolve) => {
      setTimeout(() => setImmediate(resolve), 15);
    });
    // From here timers come before sockets in the event loop.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);
    expect(await result).toMatchObject({ ok: true });
  } finally {
    app.kill('SIGKILL');
  }
});
