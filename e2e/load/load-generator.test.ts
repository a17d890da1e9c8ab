import { execFile } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import http2 from 'node:http2';
import net from 'node:net';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { type Load, type Report, startLoad } from './load-generator.ts';
import { type Cut, type Harm, startLoadApp, startRelay } from './testing-app.ts';

const urlOf = ({ port }: { readonly port: number }): string => `http://load.example.com:${port}`;

function expectBalanced(report: Report): void {
  expect(report.sent).toBe(report.ok + report.told + report.failed);
  for (const of of Object.values(report.byKind)) expect(of.sent).toBe(of.ok + of.told + of.failed);
}

/** Until the counts so far are as wanted. */
async function reached(load: Load, isReached: (report: Report) => boolean): Promise<void> {
  while (!isReached(load.report())) await new Promise((resolve) => setImmediate(resolve));
}

describe('against an app that does everything right', () => {
  test('all kinds of clients over TLS report no failure, and everything is counted once', async () => {
    await using app = await startLoadApp();
    await using relay = await startRelay({ backendPort: app.port, secure: true });
    const load = startLoad({
      url: `https://load.example.com:${relay.port}`,
      clients: { fresh: 4, keepAlive: 12, upload: 2, download: 2, webSocket: 5, eventStream: 3 },
      requests: 1500,
      uploadBytes: 3_000_000,
      downloadBytesPerSecond: 20_000_000,
      messageIntervalMs: 20,
    });
    const report = await load.finished;
    expect(report.reasons).toEqual({});
    expect(report).toMatchObject({ failed: 0, told: 0, ok: report.sent, versions: { v1: report.sent } });
    expect((report.byKind.fresh?.sent ?? 0) + (report.byKind.keepAlive?.sent ?? 0)).toBe(1500);
    expect(report.byKind.webSocket).toMatchObject({ sent: 5, ok: 5 });
    expect(report.byKind.eventStream).toMatchObject({ sent: 3, ok: 3 });
    expect(report.byKind.webSocket?.messages).toBeGreaterThan(10);
    expect(report.byKind.upload?.ok).toBeGreaterThanOrEqual(2);
    expect(report.byKind.keepAlive?.p99Ms).toBeGreaterThan(0);
    expectBalanced(report);
    expect(await app.stop()).toBe(0);
  });

  test('keep-alive clients keep their connection, fresh ones have a new one each', async () => {
    await using app = await startLoadApp();
    await using relay = await startRelay({ backendPort: app.port });
    expect(
      await startLoad({ url: urlOf(relay), clients: { keepAlive: 3 }, requests: 60 }).finished,
    ).toMatchObject({ ok: 60 });
    expect(relay.connections()).toBe(3);
    expect(
      await startLoad({ url: urlOf(relay), clients: { fresh: 3 }, requests: 60 }).finished,
    ).toMatchObject({ ok: 60 });
    expect(relay.connections()).toBe(63);
  });

  test('1001 and the end of a stream count as told, and both are opened again', async () => {
    await using old = await startLoadApp('v1');
    await using next = await startLoadApp('v2');
    await using relay = await startRelay({ backendPort: old.port });
    await using load = startLoad({
      url: urlOf(relay),
      clients: { webSocket: 20, eventStream: 10 },
      messageIntervalMs: 10,
    });
    await reached(load, (report) => report.sent === 30);
    while (relay.connections() < 30) await new Promise((resolve) => setImmediate(resolve));
    await openEverywhere(old.port);
    relay.backend(next.port);
    expect(await old.stop()).toBe(0);
    await reached(load, (report) => report.told === 30 && report.sent === 60);
    const report = await load.stop();
    expect(report).toMatchObject({ sent: 60, told: 30, ok: 30, failed: 0, versions: { v1: 30, v2: 30 } });
    expectBalanced(report);
  });

  test('paths of any app are checked to be whole and not empty', async () => {
    await using app = await startLoadApp();
    const good = await startLoad({
      url: urlOf(app),
      clients: { keepAlive: 2 },
      requests: 20,
      paths: ['/who', '/healthz'],
    }).finished;
    expect(good).toMatchObject({ ok: 20, failed: 0 });
    const bad = await startLoad({
      url: urlOf(app),
      clients: { keepAlive: 2 },
      requests: 20,
      paths: ['/who', '/none', '/small?bytes=0'],
    }).finished;
    expect(bad.failed).toBeGreaterThan(10);
    expect(Object.keys(bad.reasons).sort()).toEqual([
      'keepAlive body an empty body',
      'keepAlive head status 404',
    ]);
  });

  test('stop() begins nothing new and waits for what is under way', async () => {
    await using app = await startLoadApp();
    const load = startLoad({
      url: urlOf(app),
      clients: { download: 3, upload: 2, webSocket: 2, eventStream: 2 },
      downloadBytes: 400_000,
      downloadBytesPerSecond: 1_000_000,
      uploadBytesPerSecond: 2_000_000,
    });
    await reached(load, (report) => report.sent === 9);
    const report = await load.stop();
    expect(report).toMatchObject({ sent: 9, ok: 9, failed: 0 });
    expect(report.byKind.download?.bytes).toBe(1_200_000);
    expect(await load.stop()).toEqual(report);
    expect(await app.stop()).toBe(0);
  });
});

/** Resolves when the app answers: what was accepted before it has been handled. */
async function openEverywhere(port: number): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${port}/who`, { headers: { connection: 'close' } });
  await response.arrayBuffer();
}

describe('finds exactly the failures that there are', () => {
  const everyHundredth = (
    harm: Harm,
  ): { readonly harm: (connection: number) => Harm | null; injected: () => number } => {
    let injected = 0;
    return {
      harm: (connection) => {
        if (connection % 100 !== 0) return null;
        injected += 1;
        return harm;
      },
      injected: () => injected,
    };
  };

  test.each<[string, Harm, string]>([
    ['drops 1 % of its connections', { dropAtOnce: true }, 'fresh head ECONNRESET'],
    ['resets 1 % of its connections', { down: () => ({ by: 'reset' }) }, 'fresh head ECONNRESET'],
    [
      'truncates 1 % of its bodies',
      { down: (bytes) => ({ by: 'end', after: bytes.subarray(0, -1) }) },
      'fresh body ECONNRESET',
    ],
    ['corrupts a byte in 1 % of its bodies', { down: (bytes) => flipLast(bytes) }, 'fresh body a wrong byte'],
    [
      'answers 1 % with 503',
      { down: () => Buffer.from('HTTP/1.1 503 x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n') },
      'fresh head status 503',
    ],
    [
      'answers 1 % with too little',
      { down: () => Buffer.from('HTTP/1.1 200 OK\r\ncontent-length: 3\r\nconnection: close\r\n\r\nabc') },
      'fresh body a wrong byte',
    ],
    [
      'answers 1 % with garbage',
      { down: () => Buffer.from('no http at all\r\n\r\n') },
      'fresh head HPE_INVALID_CONSTANT',
    ],
  ])('of a server that %s', async (_what, harm, reason) => {
    await using app = await startLoadApp();
    const { harm: chosen, injected } = everyHundredth(harm);
    await using relay = await startRelay({ backendPort: app.port, harm: chosen });
    const report = await startLoad({
      url: urlOf(relay),
      clients: { fresh: 8 },
      requests: 600,
      smallBytes: 2000,
    }).finished;
    expect(injected()).toBe(6);
    expect(report.reasons).toEqual({ [reason]: 6 });
    expect(report).toMatchObject({ sent: 600, ok: 594, failed: 6, told: 0 });
    expect(report.failures).toHaveLength(6);
    expect(report.failures[0]).toMatchObject({ kind: 'fresh', reused: false });
    expectBalanced(report);
  });

  test('of a server that cuts kept-alive connections between requests', async () => {
    await using app = await startLoadApp();
    const harm = (): Harm => {
      let responses = 0;
      return { down: (bytes) => ((responses += 1) <= 10 ? bytes : { by: 'reset' }) };
    };
    await using relay = await startRelay({ backendPort: app.port, harm });
    const report = await startLoad({ url: urlOf(relay), clients: { keepAlive: 1 }, requests: 55 }).finished;
    expect(report).toMatchObject({ ok: 50, failed: 5, reasons: { 'keepAlive head ECONNRESET': 5 } });
    expect(report.failures.every(({ reused }) => reused)).toBe(true);
  });

  test('of a server that resets WebSockets', async () => {
    await using app = await startLoadApp();
    const harm = (connection: number): Harm | null =>
      connection <= 4 ? { down: (bytes, before) => (before > 20_000 ? { by: 'reset' } : bytes) } : null;
    await using relay = await startRelay({ backendPort: app.port, harm });
    await using load = startLoad({ url: urlOf(relay), clients: { webSocket: 6 }, messageIntervalMs: 1 });
    await reached(load, (report) => report.failed === 4 && report.sent === 10);
    const report = await load.stop();
    expect(report.byKind.webSocket).toMatchObject({ sent: 10, failed: 4, ok: 6 });
    for (const reason of Object.keys(report.reasons))
      expect(reason).toMatch(/^webSocket message close code 1006/);
  });

  test('of a server that ends WebSockets without a close frame, or corrupts an echo', async () => {
    await using app = await startLoadApp();
    const harms: readonly Harm[] = [
      { down: (bytes, before) => (before > 20_000 ? { by: 'end' } : bytes) },
      { down: (bytes, before) => (before > 20_000 ? flipLast(bytes) : bytes) },
    ];
    await using relay = await startRelay({
      backendPort: app.port,
      harm: (connection) => harms[connection - 1] ?? null,
    });
    await using load = startLoad({ url: urlOf(relay), clients: { webSocket: 2 }, messageIntervalMs: 1 });
    await reached(load, (report) => report.failed === 2);
    const report = await load.stop();
    expect(Object.keys(report.reasons).sort()).toEqual([
      'webSocket message a wrong echo',
      'webSocket message close code 1006',
    ]);
    expect(report.failed).toBe(2);
  });

  test('of a server that cuts event streams within an event, between events, or skips one', async () => {
    await using app = await startLoadApp();
    const cut = (mark: string, then: (bytes: Buffer) => Buffer | Cut): Harm => ({
      down: (bytes) => (bytes.includes(mark) ? then(bytes) : bytes),
    });
    const harms: readonly Harm[] = [
      cut('id: 4\n', () => ({ by: 'reset' })),
      cut('id: 4\n', (bytes) => Buffer.from(bytes.toString('latin1').replace('id: 4', 'id: 5'), 'latin1')),
      {
        down: (bytes) => (bytes.includes('id: 4\n') ? { by: 'end', after: Buffer.from('0\r\n\r\n') } : bytes),
      },
    ];
    await using relay = await startRelay({
      backendPort: app.port,
      harm: (connection) => harms[connection - 1] ?? null,
    });
    await using load = startLoad({ url: urlOf(relay), clients: { eventStream: 3 }, messageIntervalMs: 5 });
    await reached(load, (report) => report.failed === 2 && report.told === 1 && report.sent === 6);
    const report = await load.stop();
    expect(report.byKind.eventStream).toMatchObject({ failed: 2, told: 1, ok: 3 });
    expect(Object.keys(report.reasons).sort()).toEqual([
      'eventStream message ECONNRESET',
      'eventStream message a wrong event',
    ]);
  });

  test('of an app that swallows part of an upload', async () => {
    await using server = http.createServer((request, response) => {
      request.resume().once('end', () => response.end('{"bytes":1,"sha256":"00"}'));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    await using load = startLoad({
      url: urlOf(server.address() as net.AddressInfo),
      clients: { upload: 2 },
      uploadBytes: 200_000,
    });
    await reached(load, (report) => report.failed >= 4);
    expect(Object.keys((await load.stop()).reasons)).toEqual(['upload body a receipt for other content']);
  });

  test('of a server that is not there', async () => {
    const port = await closedPort();
    const report = await startLoad({
      url: `http://x:${port}`,
      clients: { fresh: 2, keepAlive: 2 },
      requests: 8,
    }).finished;
    expect(report).toMatchObject({ sent: 8, failed: 8 });
    expect(Object.keys(report.reasons).sort()).toEqual([
      'fresh connect ECONNREFUSED',
      'keepAlive connect ECONNREFUSED',
    ]);
  });

  test('of a server that never answers: what is under way at the deadline of stop() has failed', async () => {
    await using server = net.createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const sockets = new Set<net.Socket>();
    server.on('connection', (socket) => sockets.add(socket.on('error', () => undefined).resume()));
    const clients = { fresh: 1, keepAlive: 1, upload: 1, download: 1, webSocket: 1, eventStream: 1 };
    const load = startLoad({
      url: urlOf(server.address() as net.AddressInfo),
      clients,
      stopTimeoutMs: 50,
      uploadBytes: 10_000,
    });
    while (sockets.size < 6) await once(server, 'connection');
    const report = await load.stop();
    expect(report).toMatchObject({ sent: 6, failed: 6 });
    expect(Object.keys(report.reasons).every((reason) => reason.endsWith('did not end in time'))).toBe(true);
  });
});

describe('over HTTP/2', () => {
  async function h2Server(
    onStream: (stream: http2.ServerHttp2Stream, count: number) => void,
  ): Promise<http2.Http2Server & AsyncDisposable> {
    const server = http2.createServer();
    let count = 0;
    server.on('stream', (stream: http2.ServerHttp2Stream) => onStream(stream, (count += 1)));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return server;
  }
  const answer = (stream: http2.ServerHttp2Stream): void => {
    stream.respond({ ':status': 200, 'x-app-version': 'h2' });
    stream.end('some text');
  };

  test('requests share a connection, which is replaced after GOAWAY without a failure', async () => {
    let sessions = 0;
    await using server = await h2Server((stream, count) => {
      if (count % 25 === 0) stream.session?.close();
      answer(stream);
    });
    server.on('session', () => (sessions += 1));
    const report = await startLoad({
      url: urlOf(server.address() as net.AddressInfo),
      clients: { http2: 2 },
      requests: 100,
      paths: ['/'],
    }).finished;
    expect(report).toMatchObject({ sent: 100, ok: 100, versions: { h2: 100 } });
    expect(sessions).toBeGreaterThan(2);
  });

  test('a refused stream is sent again, a reset one has failed', async () => {
    await using server = await h2Server((stream, count) => {
      stream.on('error', () => undefined);
      if (count === 10) stream.close(http2.constants.NGHTTP2_REFUSED_STREAM);
      else if (count === 20) stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR);
      else answer(stream);
    });
    const report = await startLoad({
      url: urlOf(server.address() as net.AddressInfo),
      clients: { http2: 1 },
      requests: 40,
      paths: ['/'],
    }).finished;
    expect(report).toMatchObject({ sent: 40, ok: 39, failed: 1 });
  });
});

test('the command prints the report as JSON and exits 1 when something failed', async () => {
  await using app = await startLoadApp();
  const run = (...args: string[]): Promise<{ stdout: string }> =>
    promisify(execFile)(process.execPath, [
      path.join(import.meta.dirname, 'main.ts'),
      '--url',
      urlOf(app),
      '--keep-alive',
      '2',
      '--requests',
      '10',
      ...args,
    ]);
  expect(JSON.parse((await run('--json')).stdout)).toMatchObject({ sent: 10, ok: 10 });
  expect((await run()).stdout).toMatch(/^sent 10, ok 10, told 0, failed 0 in /);
  await expect(run('--path', '/none', '--json')).rejects.toMatchObject({ code: 1 });
});

function flipLast(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  copy[copy.length - 1] = (copy[copy.length - 1] ?? 0) ^ 1;
  return copy;
}

async function closedPort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
