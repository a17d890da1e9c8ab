// The PROXY protocol in front of every lane: the client that a header names is the client everywhere, and nothing but a
// valid header of a trusted peer gets through.
import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connect as connectTls } from 'node:tls';
import { describe, expect, test } from 'vitest';
import { startApp, type TestApp } from '../conformance/test-app.ts';
import { makeCertificate } from '../conformance/test-certificates.ts';
import { headerV1, headerV2, rawV2, tlv, withChecksum } from '../conformance/proxy-headers.ts';
import { headOf, RawClient, statusesOf, statusOf } from '../conformance/test-client.ts';
import { instanceAt, startPlane, testHost, until, type TestPlane } from '../conformance/test-plane.ts';
import type { DataPlaneOptions } from '../data-plane.types.ts';

const lanes = [
  { name: 'fast lane first', lanes: 'all' },
  { name: 'general lane', lanes: 'general' },
] as const;
const source = '203.0.113.77';
const getHead = headOf('GET / HTTP/1.1', `Host: ${testHost}`);
const bytes = (...parts: readonly (string | Buffer)[]): Buffer =>
  Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : part)));

async function startBehind(
  app: TestApp,
  options: Partial<DataPlaneOptions> = {},
  lane: (typeof lanes)[number] = lanes[0],
): Promise<TestPlane> {
  return await startPlane(lane, {
    deployments: [{ instances: [instanceAt(app.port)] }],
    certificates: [await makeCertificate([testHost], true)],
    https: true,
    options: { proxyProtocol: 'any', trustedProxies: ['127.0.0.1'], h2c: true, ...options },
  });
}

/** Everything that comes back until the other side is done. */
async function exchange(port: number, sent: Buffer): Promise<string> {
  using client = await RawClient.open(port);
  client.send(sent);
  return await client.ends();
}

/** A connection on which the header was sent: what comes after it is the test's. */
async function behindHeader(port: number, header: Buffer): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1' });
  await once(socket, 'connect');
  socket.write(header);
  return socket;
}

async function askHttp2(socket: Socket): Promise<number> {
  const session = connectHttp2(`http://${testHost}`, { createConnection: () => socket });
  try {
    const stream = session.request({ ':path': '/', ':authority': testHost });
    const [headers] = (await once(stream, 'response')) as [{ ':status': number }];
    stream.resume();
    await once(stream, 'end');
    return headers[':status'];
  } finally {
    session.destroy();
  }
}

async function secure(socket: Socket, protocol: string): Promise<Socket> {
  const tls = connectTls({
    socket,
    servername: testHost,
    rejectUnauthorized: false,
    ALPNProtocols: [protocol],
  });
  await once(tls, 'secureConnect');
  return tls;
}

const refusals = async (plane: TestPlane, count: number): Promise<void> => {
  await plane.hears('metrics', ({ metrics }) => metrics.counters.proxyHeadersRefused === count);
};

describe.each(lanes)('the PROXY protocol ($name)', (lane) => {
  test.each([
    ['version 1', headerV1({ source, destinationPort: 8443 })],
    ['version 2', headerV2({ source, destinationPort: 8443 })],
    [
      'version 2 with its checksum',
      withChecksum({ source, destinationPort: 8443, tlvs: [tlv(4, Buffer.alloc(300))] }),
    ],
  ])('%s in front of HTTP/1.1, in one write and octet by octet', async (_what, header) => {
    await using app = await startApp();
    await using plane = await startBehind(app, {}, lane);
    const close = headOf('GET /end HTTP/1.1', `Host: ${testHost}`, 'Connection: close');
    // Two requests in the packet of the header: nothing that came after it is lost or comes twice.
    expect(statusesOf(await exchange(plane.port, bytes(header, getHead, close)))).toEqual([200, 200]);
    using slow = await RawClient.open(plane.port);
    for (const octet of bytes(header, close)) {
      slow.send(Buffer.of(octet));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(statusOf(await slow.ends())).toBe(200);
    for (const { headers } of app.seen) {
      expect(headers).toMatchObject({
        'x-forwarded-for': source,
        'x-real-ip': source,
        'x-forwarded-port': '8443',
        'x-forwarded-proto': 'http',
      });
    }
    expect(app.seen).toHaveLength(3);
  });

  test('in front of TLS, of HTTP/2 over TLS, and of HTTP/2 in clear', async () => {
    await using app = await startApp();
    await using plane = await startBehind(app, {}, lane);
    const header = headerV2({ source: '2001:db8::77' });
    const plainTls = await secure(await behindHeader(plane.httpsPort, header), 'http/1.1');
    plainTls.write(headOf('GET / HTTP/1.1', `Host: ${testHost}`, 'Connection: close'));
    let answer = '';
    for await (const chunk of plainTls) answer += String(chunk);
    expect(statusOf(answer)).toBe(200);
    expect(await askHttp2(await secure(await behindHeader(plane.httpsPort, header), 'h2'))).toBe(200);
    expect(await askHttp2(await behindHeader(plane.port, header))).toBe(200);
    expect(app.seen.map(({ headers }) => [headers['x-forwarded-for'], headers['x-forwarded-proto']])).toEqual(
      [
        ['2001:db8::77', 'https'],
        ['2001:db8::77', 'https'],
        ['2001:db8::77', 'http'],
      ],
    );
  });

  test('LOCAL, UNKNOWN and UNSPEC are the front itself', async () => {
    await using app = await startApp();
    await using plane = await startBehind(app, {}, lane);
    const close = headOf('GET / HTTP/1.1', `Host: ${testHost}`, 'Connection: close');
    for (const header of [rawV2(0, 0, Buffer.alloc(0)), rawV2(1, 0, Buffer.alloc(0)), 'PROXY UNKNOWN\r\n'])
      expect(statusOf(await exchange(plane.port, bytes(header, close)))).toBe(200);
    expect(app.seen.map(({ headers }) => headers['x-real-ip'])).toEqual(Array(3).fill('127.0.0.1'));
  });
});

describe('what a header says', () => {
  test('is the client of the access log and of the limit per client', async () => {
    const directory = await mkdtemp(path.join(tmpdir(), 'tako-proxy-protocol-'));
    await using _removed = { [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }) };
    const log = path.join(directory, 'access.log');
    await using app = await startApp((message, response) => {
      if (message.url !== '/hang') response.end();
    });
    {
      await using plane = await startPlane(lanes[0], {
        deployments: [{ instances: [instanceAt(app.port)], policy: { requestsPerClientMax: 1 } }],
        options: { proxyProtocol: 'v2', trustedProxies: ['127.0.0.1'], accessLog: log },
      });
      using hanging = await RawClient.open(plane.port);
      hanging.send(bytes(headerV2({ source }), headOf('GET /hang HTTP/1.1', `Host: ${testHost}`)));
      await until(() => plane.plane.inspect().requests.inFlight === 1);
      const close = headOf('GET / HTTP/1.1', `Host: ${testHost}`, 'Connection: close');
      expect(statusOf(await exchange(plane.port, bytes(headerV2({ source }), close)))).toBe(429);
      expect(statusOf(await exchange(plane.port, bytes(headerV2({ source: '203.0.113.78' }), close)))).toBe(
        200,
      );
    }
    const clients = (await readFile(log, 'utf8'))
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { client: string }).client);
    expect(clients.toSorted()).toEqual([source, source, '203.0.113.78']);
  });

  test('of TLS in front is believed: no redirect to HTTPS, and the app hears https', async () => {
    await using app = await startApp();
    await using plane = await startPlane(lanes[0], {
      deployments: [{ instances: [instanceAt(app.port)], policy: { httpsRedirect: true } }],
      options: { proxyProtocol: 'v2', trustedProxies: ['127.0.0.1'], httpsPort: 443 },
    });
    const close = headOf('GET / HTTP/1.1', `Host: ${testHost}`, 'Connection: close');
    const overTls = headerV2({ source, tlvs: [tlv(0x20, Buffer.from([1, 0, 0, 0, 1]))] });
    expect(statusOf(await exchange(plane.port, bytes(headerV2({ source }), close)))).toBe(308);
    expect(statusOf(await exchange(plane.port, bytes(overTls, close)))).toBe(200);
    expect(app.seen[0]?.headers['x-forwarded-proto']).toBe('https');
  });

  test('makes nobody a trusted peer: what the client forwards of itself is still dropped', async () => {
    await using app = await startApp();
    await using plane = await startBehind(app);
    const head = headOf(
      'GET / HTTP/1.1',
      `Host: ${testHost}`,
      'X-Forwarded-For: 1.2.3.4',
      'Connection: close',
    );
    expect(statusOf(await exchange(plane.port, bytes(headerV1({ source }), head)))).toBe(200);
    expect(app.seen[0]?.headers['x-forwarded-for']).toBe(source);
  });
});

describe('a connection is closed, unanswered and counted,', () => {
  const limits = { metricsIntervalMs: 5, proxyHeaderTimeoutMs: 100 };

  test.each<[string, Buffer, Partial<DataPlaneOptions>]>([
    ['without a header', Buffer.from(getHead), {}],
    ['with version 1 where 2 is due', bytes(headerV1({ source }), getHead), { proxyProtocol: 'v2' }],
    ['with version 2 where 1 is due', bytes(headerV2({ source }), getHead), { proxyProtocol: 'v1' }],
    [
      'with a header of an untrusted peer',
      bytes(headerV2({ source }), getHead),
      { trustedProxies: ['10.0.0.0/8'] },
    ],
    ['with two leading zeros in a port', bytes(`PROXY TCP4 ${source} ${source} 001 1\r\n`, getHead), {}],
    ['when half of a header is all that comes in time', headerV2({ source }).subarray(0, 20), {}],
    ['when nothing at all comes in time', Buffer.alloc(0), {}],
  ])('%s', async (_what, sent, options) => {
    await using app = await startApp();
    await using plane = await startBehind(app, { limits, ...options });
    for (const port of [plane.port, plane.httpsPort]) expect(await exchange(port, sent)).toBe('');
    await refusals(plane, 2);
    expect(app.accepted).toBe(0);
    expect(plane.plane.inspect().connections.open).toBe(0);
    // Said once, not for each connection.
    expect(plane.reports.filter(({ level }) => level === 'warn')).toMatchObject([
      { sentence: 'connection refused for its PROXY header', facts: { peer: '127.0.0.1', connections: 1 } },
    ]);
  });

  test('and a header where none is expected is a malformed request', async () => {
    await using app = await startApp();
    await using plane = await startBehind(app, { proxyProtocol: 'off' });
    expect(statusOf(await exchange(plane.port, bytes(headerV1({ source }), getHead)))).toBe(400);
    expect(app.accepted).toBe(0);
  });
});

test('a Unix socket is served, with the same rules; a cut there is no reset', async () => {
  await using app = await startApp((message, response) => {
    if (message.url === '/cut') message.socket.destroy();
    else response.end('over a file');
  });
  await using plane = await startPlane(lanes[0], {
    deployments: [{ instances: [instanceAt(app.port)] }],
    certificates: [await makeCertificate([testHost], true)],
    options: { proxyProtocol: 'v2', trustedProxies: ['unix'] },
  });
  const name = `\0tako-proxy-protocol-${process.pid}`;
  expect(await plane.plane.listen({ kind: 'http', path: name })).toMatchObject({ kind: 'http' });
  await plane.plane.listen({ kind: 'https', path: `${name}-tls` });
  const ask = async (socket: Socket, path = '/'): Promise<string> => {
    socket.write(headOf(`GET ${path} HTTP/1.1`, `Host: ${testHost}`, 'Connection: close'));
    let answer = '';
    for await (const chunk of socket) answer += String(chunk);
    return answer;
  };
  const open = async (place: string, from: string): Promise<Socket> => {
    const socket = connect(place);
    await once(socket, 'connect');
    socket.write(headerV2({ source: from }));
    return socket;
  };
  expect(await ask(await open(name, source))).toContain('over a file');
  expect(statusOf(await ask(await open(name, source), '/cut'))).toBe(502);
  // Two handshakes at a time: each keeps the client of its own header.
  const [one, two] = await Promise.all(
    ['203.0.113.1', '203.0.113.2'].map(async (from) => secure(await open(`${name}-tls`, from), 'http/1.1')),
  );
  expect(await ask(one as Socket)).toContain('over a file');
  expect(await ask(two as Socket)).toContain('over a file');
});
