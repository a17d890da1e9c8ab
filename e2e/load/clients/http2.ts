// A client that sends small requests over HTTP/2, one connection for as long as the server keeps it.
import http2 from 'node:http2';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { type ClientContext, repeatUnits } from '../client-context.ts';
import { REQUEST_TIMEOUT_MS } from '../limits.ts';
import { type Outcome, type Received, failed, nothingReceived, reasonOf } from '../outcome.ts';
import { openSocket } from '../target.ts';
import { type SmallOptions, smallRequest } from './http-clients.ts';

/** RFC 9113 §8.7: a refused stream was not processed, and may be sent again. */
const TRIES_MAX = 3;

type StreamEnd = { readonly kind: 'ended'; readonly outcome: Outcome } | { readonly kind: 'refused' };

export async function runHttp2(context: ClientContext, options: SmallOptions): Promise<void> {
  const connection = new Connection(context);
  await repeatUnits(context, 'http2', {
    mayBegin: () => context.takeRequest(),
    thinkMs: options.thinkMs,
    unit: () => unit(context, connection, options),
  });
  connection.close();
}

async function unit(context: ClientContext, connection: Connection, options: SmallOptions): Promise<Outcome> {
  for (let tries = 0; tries < TRIES_MAX; tries += 1) {
    const session = await connection.session().catch(reasonOf);
    if (typeof session === 'string') return failed('connect', session);
    const end = await request(context, session, options);
    connection.release(session, end.kind === 'refused');
    if (end.kind === 'ended') return end.outcome;
  }
  return failed('head', 'refused every time');
}

class Connection {
  readonly #context: ClientContext;
  #session: http2.ClientHttp2Session | null = null;
  /** `session.socket` is a stand-in that cannot be destroyed. */
  readonly #sockets = new WeakMap<http2.ClientHttp2Session, Socket>();

  constructor(context: ClientContext) {
    this.#context = context;
  }

  /** The open session, or a new one. Rejects when no connection can be made, or it does not speak HTTP/2. */
  async session(): Promise<http2.ClientHttp2Session> {
    if (this.#session !== null && !this.#session.closed && !this.#session.destroyed) return this.#session;
    const { target } = this.#context;
    const socket = openSocket(target, ['h2']);
    await once(socket, target.isSecure ? 'secureConnect' : 'connect', {
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
    });
    if (socket instanceof TLSSocket && socket.alpnProtocol !== 'h2') {
      socket.destroy();
      throw new Error('the server does not offer h2');
    }
    const session = http2.connect(target.origin, { createConnection: () => socket });
    // Streams of a broken session report it themselves.
    session.on('error', () => undefined);
    session.once('goaway', () => void (this.#session = null));
    this.#sockets.set(session, socket);
    this.#session = session;
    return session;
  }

  /** After each request, which is the only one: a session that takes no further one is not left open. */
  release(session: http2.ClientHttp2Session, isRefusing: boolean): void {
    if (session === this.#session && !session.closed && !isRefusing) return;
    if (session === this.#session) this.#session = null;
    this.#end(session);
  }

  close(): void {
    if (this.#session !== null) this.#end(this.#session);
  }

  /** A session that was closed gracefully would wait for the server to end the connection. */
  #end(session: http2.ClientHttp2Session): void {
    session.destroy();
    this.#sockets.get(session)?.destroy();
  }
}

function request(
  context: ClientContext,
  session: http2.ClientHttp2Session,
  options: SmallOptions,
): Promise<StreamEnd> {
  const { path, check, signal } = smallRequest(context, options);
  return new Promise((resolve) => {
    let received: Received = nothingReceived;
    let body: ReturnType<typeof check> | null = null;
    let problem: string | null = null;
    let isEnded = false;
    const stream = session.request({ ':path': path, ':authority': context.target.authority });
    const stop = (reason: string): void => {
      problem ??= reason;
      stream.close(http2.constants.NGHTTP2_CANCEL);
    };
    const onAbort = (): void => stop('did not end in time');
    signal.addEventListener('abort', onAbort, { once: true });
    stream.setTimeout(REQUEST_TIMEOUT_MS, () => stop('silence'));
    stream.on('response', (headers) => {
      const text = (name: string): string | null =>
        typeof headers[name] === 'string' ? headers[name] : null;
      received = {
        ...received,
        status: headers[':status'] ?? null,
        version: text('x-app-version'),
        pid: text('x-app-pid'),
      };
      if (received.status === 200)
        body = check({ 'x-content-sha256': text('x-content-sha256') ?? undefined });
      else stop(`status ${received.status}`);
    });
    stream.on('data', (chunk: Buffer) => {
      received = { ...received, bytes: received.bytes + chunk.length };
      const wrong = body?.take(chunk) ?? null;
      if (wrong !== null) stop(wrong);
    });
    stream.on('end', () => (isEnded = true));
    stream.on('error', (error) => (problem ??= reasonOf(error)));
    stream.once('close', () => {
      signal.removeEventListener('abort', onAbort);
      if (stream.rstCode === http2.constants.NGHTTP2_REFUSED_STREAM && received.status === null)
        return resolve({ kind: 'refused' });
      problem ??= isEnded && stream.rstCode === 0 && body !== null ? body.end() : 'ended before its end';
      const stage = received.status === null ? 'head' : 'body';
      resolve({
        kind: 'ended',
        outcome: problem === null ? { kind: 'ok', received } : failed(stage, problem, { received }),
      });
    });
    stream.end();
  });
}
