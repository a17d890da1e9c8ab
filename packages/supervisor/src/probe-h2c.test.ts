import {
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import { createServer as createHttp1Server } from 'node:http';
import { createServer as createTcpServer, type Server } from 'node:net';
import { expect, test } from 'vitest';
import type { ProbeResult } from './instance.types.ts';
import { probe } from './probe.ts';
import { freePort } from './testing.ts';

interface Listening extends AsyncDisposable {
  readonly port: number;
}

async function listen(server: Server | Http2Server): Promise<Listening> {
  const ends = new Set<() => void>();
  server.on('session', (session: ServerHttp2Session) => ends.add(() => session.destroy()));
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const close = async (): Promise<void> => {
    for (const end of ends) end();
    await new Promise((resolve) => {
      server.close(resolve);
    });
  };
  return { port: address.port, [Symbol.asyncDispose]: close };
}

/** An app that speaks HTTP/2 in clear text and nothing else. */
function http2App(
  answer: (stream: ServerHttp2Stream, fields: IncomingHttpHeaders) => void,
): Promise<Listening> {
  const server = createServer();
  server.on('stream', (stream: ServerHttp2Stream, fields) => {
    stream.on('error', () => undefined);
    answer(stream, fields);
  });
  return listen(server);
}

/** A gRPC server's answer: a message, and the status in trailers. */
function grpcAnswer(stream: ServerHttp2Stream, message: Buffer, status: string): void {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': status }));
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.length, 1);
  stream.end(Buffer.concat([prefix, message]));
}

function ask(
  port: number,
  spec: { token?: string | null; timeoutMs?: number; path?: string } = {},
): Promise<ProbeResult> {
  return probe({
    port,
    spec: {
      protocol: 'h2c',
      path: '/status',
      hostHeader: 'app.example',
      token: null,
      timeoutMs: 2_000,
      ...spec,
    },
    signal: new AbortController().signal,
  });
}

const grpcPath = '/grpc.health.v1.Health/Check';

test('a GET over HTTP/2: the route as authority, as if it came over HTTPS', async () => {
  const seen: IncomingHttpHeaders[] = [];
  await using app = await http2App((stream, fields) => {
    seen.push(fields);
    stream.respond({ ':status': 200 });
    stream.end('fine');
  });
  expect(await ask(app.port)).toMatchObject({ ok: true, status: 200, firstBytes: 'fine', error: null });
  expect(seen[0]).toMatchObject({
    ':method': 'GET',
    ':path': '/status',
    ':authority': 'app.example',
    'x-forwarded-proto': 'https',
  });
});

test('the token goes there and back', async () => {
  await using app = await http2App((stream, fields) =>
    stream.respond(
      { ':status': 204, 'x-tako-internal-token': fields['x-tako-internal-token'] },
      { endStream: true },
    ),
  );
  expect(await ask(app.port, { token: 'abc' })).toMatchObject({ ok: true, status: 204 });
});

test.each([
  [301, 'redirect'],
  [415, 'status'],
])('%i is a failed probe', async (status, kind) => {
  await using app = await http2App((stream) => stream.respond({ ':status': status }, { endStream: true }));
  expect(await ask(app.port)).toMatchObject({ ok: false, status, error: { kind } });
});

test('nobody there is refused', async () => {
  expect(await ask(await freePort())).toMatchObject({ ok: false, status: null, error: { kind: 'refused' } });
});

test('an app that speaks HTTP/1.1 is told so', async () => {
  await using app = await listen(createHttp1Server((_request, response) => response.end('hello')));
  expect(await ask(app.port)).toMatchObject({
    ok: false,
    status: null,
    error: { kind: 'protocol', message: expect.stringContaining('upstream_protocol') },
  });
});

test('an app that says nothing times out, and one that resets the stream has not answered', async () => {
  await using silent = await listen(createTcpServer((socket) => void socket.resume()));
  expect(await ask(silent.port, { timeoutMs: 100 })).toMatchObject({ ok: false, error: { kind: 'timeout' } });
  await using resetting = await http2App((stream) => stream.close(8));
  expect(await ask(resetting.port)).toMatchObject({ ok: false, status: null, error: { kind: 'reset' } });
});

test('a body without an end does not hold the probe up', async () => {
  await using app = await http2App((stream) => {
    stream.respond({ ':status': 200 });
    stream.write('drip');
  });
  expect(await ask(app.port, { timeoutMs: 60_000 })).toMatchObject({ ok: true, firstBytes: 'drip' });
});

test('the path of the gRPC health service is asked in gRPC, and SERVING is good', async () => {
  const seen: IncomingHttpHeaders[] = [];
  const bodies: Buffer[] = [];
  await using app = await http2App((stream, fields) => {
    seen.push(fields);
    stream.on('data', (chunk: Buffer) => bodies.push(chunk));
    stream.on('end', () => grpcAnswer(stream, Buffer.from([0x08, 1]), '0'));
  });
  expect(await ask(app.port, { path: grpcPath })).toMatchObject({ ok: true, status: 200, error: null });
  expect(seen[0]).toMatchObject({ ':method': 'POST', 'content-type': 'application/grpc', te: 'trailers' });
  expect(Buffer.concat(bodies)).toEqual(Buffer.alloc(5));
});

test.each([
  ['NOT_SERVING', Buffer.from([0x08, 2]), '0', 'answered NOT_SERVING; a probe needs SERVING'],
  ['UNKNOWN, which protobuf leaves out', Buffer.alloc(0), '0', 'answered UNKNOWN; a probe needs SERVING'],
  ['no such service', Buffer.alloc(0), '12', 'the app has no gRPC health service'],
  ['another status', Buffer.alloc(0), '14', 'grpc-status 14'],
])('%s is a failed probe that says why', async (_title, message, status, sentence) => {
  await using app = await http2App((stream) => grpcAnswer(stream, message, status));
  expect(await ask(app.port, { path: grpcPath })).toMatchObject({
    ok: false,
    status: 200,
    error: { kind: 'status', message: expect.stringContaining(sentence) },
  });
});

test('a gRPC status that comes with the head, and an answer that is no gRPC', async () => {
  await using refusing = await http2App((stream) =>
    stream.respond(
      { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '12' },
      { endStream: true },
    ),
  );
  expect(await ask(refusing.port, { path: grpcPath })).toMatchObject({
    ok: false,
    error: { kind: 'status' },
  });
  await using web = await http2App((stream) => {
    stream.respond({ ':status': 200, 'content-type': 'text/html' });
    stream.end('<html>');
  });
  expect(await ask(web.port, { path: grpcPath })).toMatchObject({ ok: false, error: { kind: 'protocol' } });
});
