import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { describe, expect, test } from 'vitest';
import { once } from 'node:events';
import { IN_FLIGHT_MS, PAYLOAD_BYTES_MAX, PAYLOAD_WAIT_MS } from './limits.ts';
import { type RuntimeName, PAYLOAD, TOKEN, request, startApp } from './testing/app-process.ts';

const runtimes: readonly RuntimeName[] = ['node', 'bun'];
const internal = { host: 'tako-internal', 'x-tako-internal-token': TOKEN };

describe.each(runtimes)('an app under %s', (runtime) => {
  test('says readiness once, after ready(), as a line of its own', async () => {
    await using app = startApp({ runtime, main: 'default-object.ts' });
    await app.ready();
    expect(app.output()).toMatch(/module loaded\n\n?ready\(\) done\n\n?TAKO:READY:\d+\n$/);
    expect((await app.request('/hello')).body).toBe('app answers /hello');
    expect(app.output().match(/TAKO:READY/g)).toHaveLength(1);
  });

  test('may default-export a plain function', async () => {
    await using app = startApp({ runtime, main: 'default-function.ts' });
    expect((await app.request('/a/b')).body).toBe('/a/b');
  });

  test('binds HOST only', async () => {
    await using app = startApp({ runtime, main: 'default-function.ts', env: { HOST: '127.0.0.2' } });
    const port = await app.ready();
    expect((await request({ host: '127.0.0.2', port, path: '/' })).status).toBe(200);
    await expect(request({ host: '127.0.0.1', port, path: '/' })).rejects.toThrow('ECONNREFUSED');
  });

  test('binds the given PORT', async () => {
    const port = await freePort();
    await using app = startApp({ runtime, main: 'default-function.ts', env: { PORT: String(port) } });
    expect(await app.ready()).toBe(port);
  });

  test.each(['socket', 'fifo', 'held-fifo'] as const)(
    'reads the payload from fd 3 when it is a %s, and closes it',
    async (fd3) => {
      await using app = startApp({ runtime, main: 'default-object.ts', fd3 });
      expect((await app.request('/secret-length')).body).toBe(String('postgres://plain-secret'.length));
      const target = readLink(`/proc/${app.pid}/fd/3`);
      expect(target).not.toMatch(/fd3/);
    },
  );

  test('leaves fd 3 alone when it is a regular file, and then trusts no token', async () => {
    await using app = startApp({ runtime, main: 'default-object.ts', fd3: 'file' });
    expect((await app.request('/status', { headers: internal })).status).toBe(403);
    expect(readLink(`/proc/${app.pid}/fd/3`)).toMatch(/fd3$/);
  });

  test('starts without fd 3, and then trusts no token', async () => {
    await using app = startApp({ runtime, main: 'default-object.ts', fd3: 'none' });
    expect((await app.request('/status', { headers: internal })).status).toBe(403);
  });

  test('reads a payload larger than a pipe holds', async () => {
    const secrets = { DATABASE_URL: 'x'.repeat(900_000) };
    await using app = startApp({
      runtime,
      main: 'default-object.ts',
      payload: JSON.stringify({ v: 1, token: TOKEN, secrets }),
    });
    expect((await app.request('/secret-length')).body).toBe('900000');
  });

  test.each([
    ['that ends too early', PAYLOAD.slice(0, -1), 'before the document was whole'],
    ['of another version', JSON.stringify({ v: 2, token: TOKEN, secrets: {} }), 'version 2'],
    ['without a token', JSON.stringify({ v: 1, secrets: {} }), 'no token'],
  ])('refuses to start with a payload %s', async (_what, payload, reason) => {
    await using app = startApp({ runtime, main: 'default-function.ts', payload });
    expect(await app.exited()).toEqual({ code: 1, signal: null });
    expect(app.errors()).toContain(reason);
    expect(app.errors()).not.toContain('plain-secret');
  });

  test('shows neither token nor secrets in its environment', async () => {
    await using app = startApp({ runtime, main: 'default-object.ts' });
    const environment = (await app.request('/environment')).body;
    expect(environment).not.toContain(TOKEN);
    expect(environment).not.toContain('plain-secret');
    expect(fs.readFileSync(`/proc/${app.pid}/environ`, 'utf8')).not.toContain('plain-secret');
    expect(fs.readFileSync(`/proc/${app.pid}/cmdline`, 'utf8')).not.toContain(TOKEN);
  });

  test('knows who it is, and prints no secret with it', async () => {
    await using app = startApp({ runtime, main: 'default-object.ts' });
    expect(JSON.parse((await app.request('/who')).body)).toEqual({
      app: 'shop',
      env: 'production',
      version: 'v7',
      instance: 'shop-1',
      draining: false,
      secrets: '[secrets redacted]',
    });
  });

  test('tells its status to the holder of the token, and echoes the token', async () => {
    await using app = startApp({ runtime, main: 'default-object.ts' });
    const answer = await app.request('/status?deep', { headers: internal });
    expect(answer.status).toBe(200);
    expect(answer.headers['x-tako-internal-token']).toBe(TOKEN);
    const status = JSON.parse(answer.body) as { uptime_s: number };
    expect(status).toEqual({
      status: 'ready',
      app: 'shop',
      version: 'v7',
      instance: 'shop-1',
      pid: app.pid,
      uptime_s: status.uptime_s,
    });
    expect(status.uptime_s).toBeGreaterThan(0);
    expect(Buffer.byteLength(answer.body)).toBeLessThan(4096);
  });

  test('refuses its status without the right token, and keeps the token to itself', async () => {
    await using app = startApp({ runtime, main: 'default-object.ts' });
    for (const headers of [
      { host: 'tako-internal' },
      { ...internal, 'x-tako-internal-token': 'wrong' },
      { ...internal, host: 'TAKO-internal:80', 'x-tako-internal-token': `${TOKEN}x` },
    ]) {
      const answer = await app.request('/status', { headers });
      expect(answer.status).toBe(403);
      expect(answer.headers['x-tako-internal-token']).toBeUndefined();
    }
  });

  test('leaves /status of any other host to the app', async () => {
    await using app = startApp({ runtime, main: 'default-object.ts' });
    const answer = await app.request('/status', {
      headers: { host: 'shop.example', 'x-tako-internal-token': TOKEN },
    });
    expect(answer.body).toBe('app answers /status');
    expect(answer.headers['x-tako-internal-token']).toBeUndefined();
  });

  test('lets the app answer another health path, and adds the token', async () => {
    await using app = startApp({ runtime, main: 'default-object.ts' });
    const answer = await app.request('/healthz', { headers: internal });
    expect(answer.body).toBe('app answers /healthz');
    expect(answer.headers['x-tako-internal-token']).toBe(TOKEN);
  });

  test('answers a failing handler with 500, and tells only its own log why', async () => {
    await using app = startApp({ runtime, main: 'default-object.ts' });
    const answer = await app.request('/fail');
    expect(answer).toMatchObject({ status: 500, body: 'Internal Server Error\n' });
    expect(app.errors()).toContain('a detail for nobody');
  });

  test('finishes what is in flight on SIGTERM, refuses new connections, awaits drain() and exits 0', async () => {
    await using app = startApp({ runtime, main: 'default-object.ts' });
    const port = await app.ready();
    const slow = app.request('/slow');
    await app.printed('slow began');
    app.child.kill('SIGTERM');
    await refused(port);
    app.child.kill('SIGUSR2');
    const answer = await slow;
    expect(answer).toMatchObject({ status: 200, body: 'slow done' });
    expect(answer.headers.connection).toBe('close');
    expect(await app.exited()).toEqual({ code: 0, signal: null });
    expect(app.output()).toMatch(/drain\(\) done\n$/);
  });

  test('learns by request.signal that the client has gone', async () => {
    await using app = startApp({ runtime, main: 'default-object.ts' });
    const outgoing = http.get({ host: '127.0.0.1', port: await app.ready(), path: '/slow', agent: false });
    outgoing.on('error', () => undefined);
    await app.printed('slow began');
    outgoing.destroy();
    await app.printed('client gone');
  });

  test('can end its streams when the drain begins', async () => {
    await using app = startApp({ runtime, main: 'default-object.ts' });
    const stream = app.request('/until-drain');
    await app.printed('stream began');
    app.child.kill('SIGTERM');
    expect((await stream).body).toBe('open\nbye\n');
    expect((await app.exited()).code).toBe(0);
  });

  test('ends at once on the second SIGTERM', async () => {
    await using app = startApp({ runtime, main: 'default-object.ts' });
    const slow = app.request('/slow').catch((error: unknown) => error);
    await app.printed('slow began');
    app.child.kill('SIGTERM');
    await refused(await app.ready());
    app.child.kill('SIGTERM');
    expect(await app.exited()).toEqual({ code: 143, signal: null });
    expect(await slow).toBeInstanceOf(Error);
  });

  test('exits with the reason when ready() fails, whatever else keeps it alive', async () => {
    await using app = startApp({ runtime, main: 'ready-throws.ts' });
    expect(await app.exited()).toEqual({ code: 1, signal: null });
    expect(app.errors()).toContain('no database at db.internal');
    expect(app.output()).not.toContain('TAKO:READY');
  });

  test('exits with the reason when its port is taken', async () => {
    await using taken = net.createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as net.AddressInfo;
    await using app = startApp({ runtime, main: 'default-function.ts', env: { PORT: String(port) } });
    expect((await app.exited()).code).toBe(1);
    expect(app.errors()).toContain(`cannot listen on 127.0.0.1:${port}`);
    expect(app.errors()).toContain('EADDRINUSE');
  });

  test.each([
    ['exports-nothing.ts', 'it is a value of type number'],
    ['exports-express.ts', 'call attach(app.listen(process.env.PORT))'],
    ['throws.ts', 'the module is broken'],
  ])('exits with the reason when %s is run', async (main, reason) => {
    await using app = startApp({ runtime, main });
    expect((await app.exited()).code).toBe(1);
    expect(app.errors()).toContain(reason);
  });

  test.each([true, false])(
    'that calls serve() itself is served once (through the runner: %s)',
    async (runner) => {
      await using app = startApp({ runtime, main: 'calls-serve.ts', runner });
      const port = await app.ready();
      await app.printed(`own port ${port}, argv 2`);
      expect((await app.request('/')).body).toBe('served by itself');
      expect(app.output().match(/TAKO:READY/g)).toHaveLength(1);
    },
  );

  test('has one server: the second serve() throws', async () => {
    await using app = startApp({ runtime, main: 'calls-serve-twice.ts', runner: false });
    await app.printed('this process already serves');
    expect((await app.request('/')).body).toBe('one');
  });

  test.each(['attaches.ts', 'attaches-late.ts'])(
    'with its own node:http server has status and readiness (%s)',
    async (main) => {
      await using app = startApp({ runtime, main });
      expect((await app.request('/status', { headers: internal })).headers['x-tako-internal-token']).toBe(
        TOKEN,
      );
      expect((await app.request('/status', { headers: { host: 'tako-internal' } })).status).toBe(403);
      expect((await app.request('/other')).body).toMatch(/^app/);
    },
  );

  test('with its own node:http server stops gracefully', async () => {
    await using app = startApp({ runtime, main: 'attaches.ts' });
    const stream = app.request('/stream');
    await app.printed('stream began');
    app.child.kill('SIGTERM');
    expect((await stream).body).toBe('open\nbye\n');
    expect(await app.exited()).toEqual({ code: 0, signal: null });
    expect(app.output()).toMatch(/drain\(\) done\n$/);
  });

  test('leaves the IPC channel of a child process alone, which is its fd 3', async () => {
    await using app = startApp({ runtime, main: 'forks-child.ts', runner: false });
    await app.printed('child said: hello, ReferenceError');
  });

  test('is left alone outside Tako: no readiness, no status, fd 3 unread, default SIGTERM', async () => {
    const port = await freePort();
    await using app = startApp({
      runtime,
      main: 'default-object.ts',
      managed: false,
      env: { PORT: String(port) },
    });
    await app.printed(`Listening on http://localhost:${port}`);
    const answer = await request({ host: '127.0.0.1', port, path: '/status', headers: internal });
    expect(answer.body).toBe('app answers /status');
    expect(app.output()).not.toContain('TAKO:READY');
    const environment = await request({ host: '127.0.0.1', port, path: '/secret-length' });
    expect(environment.status).toBe(500);
    app.child.kill('SIGTERM');
    expect((await app.exited()).signal).toBe('SIGTERM');
  });

  test('reads a secret from an environment variable outside Tako', async () => {
    const port = await freePort();
    await using app = startApp({
      runtime,
      main: 'default-object.ts',
      managed: false,
      fd3: 'none',
      env: { PORT: String(port), DATABASE_URL: '12345' },
    });
    await app.printed('Listening');
    expect((await request({ host: '127.0.0.1', port, path: '/secret-length' })).body).toBe('5');
  });
});

describe('an app under node', () => {
  test('answers one more request on an idle keep-alive connection after SIGTERM, and says it closes', async () => {
    await using app = startApp({ runtime: 'node', main: 'default-object.ts' });
    const port = await app.ready();
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    const first = await request({ host: '127.0.0.1', port, path: '/one', agent });
    expect(first.headers.connection).toBe('keep-alive');
    app.child.kill('SIGTERM');
    await refused(port);
    const status = await request({ host: '127.0.0.1', port, path: '/status', agent, headers: internal });
    expect(status.headers.connection).toBe('close');
    expect(JSON.parse(status.body)).toMatchObject({ status: 'draining' });
    expect((await app.exited()).code).toBe(0);
    agent.destroy();
  });

  test('does not wait for a connection that never sends a request', async () => {
    await using app = startApp({ runtime: 'node', main: 'default-object.ts' });
    const silent = net.connect(await app.ready(), '127.0.0.1').on('error', () => undefined);
    await once(silent, 'connect');
    await app.request('/seen-after-the-silent-one');
    app.child.kill('SIGTERM');
    expect((await app.exited()).code).toBe(0);
  });
});

describe.concurrent.each(runtimes)('the limits of an app under %s', (runtime) => {
  test('a request that takes too long after SIGTERM is aborted, drain() still runs, the exit is 0', async ({
    expect,
  }) => {
    await using app = startApp({ runtime, main: 'default-object.ts' });
    const slow = app.request('/slow').catch((error: unknown) => error);
    await app.printed('slow began');
    const startedAt = performance.now();
    app.child.kill('SIGTERM');
    expect(await app.exited()).toEqual({ code: 0, signal: null });
    const durationMs = performance.now() - startedAt;
    expect(durationMs).toBeGreaterThan(IN_FLIGHT_MS - 500);
    expect(durationMs).toBeLessThan(10_000);
    expect(await slow).toBeInstanceOf(Error);
    expect(app.output()).toMatch(/drain\(\) done\n$/);
  });

  test('a payload that never comes ends the start with the reason', async ({ expect }) => {
    await using app = startApp({ runtime, main: 'default-function.ts', fd3: 'silent-fifo' });
    expect((await app.exited()).code).toBe(1);
    expect(app.errors()).toContain(`no whole document within ${PAYLOAD_WAIT_MS} ms`);
  });

  test.each([
    [0, 0],
    [1, 1],
  ])('a payload of the greatest length and %i bytes more ends with %i', async (more, code) => {
    const frame = JSON.stringify({ v: 1, token: TOKEN, secrets: { DATABASE_URL: '' } });
    const payload = frame.replace('""}', `"${'x'.repeat(PAYLOAD_BYTES_MAX - frame.length + more)}"}`);
    await using app = startApp({ runtime, main: 'default-object.ts', payload });
    if (code === 0) {
      expect((await app.request('/secret-length')).body).toBe(String(PAYLOAD_BYTES_MAX - frame.length));
    } else {
      expect((await app.exited()).code).toBe(code);
      expect(app.errors()).toContain(`more than ${PAYLOAD_BYTES_MAX} bytes`);
    }
  });
});

async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Resolves when new connections are refused; what gets in before is ended by the app. */
async function refused(port: number): Promise<void> {
  for (;;) {
    const socket = net.connect(port, '127.0.0.1');
    const outcome = await Promise.race([
      once(socket, 'connect').then(() => 'connected'),
      once(socket, 'error').then(() => 'refused'),
    ]).catch(() => 'refused');
    socket.destroy();
    if (outcome === 'refused') return;
  }
}

function readLink(file: string): string {
  try {
    return fs.readlinkSync(file);
  } catch {
    // ENOENT: the descriptor is closed, which is what the caller wants to know.
    return '';
  }
}
