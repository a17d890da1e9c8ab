// The suites' ordinary client over HTTP/2: one request on a connection of its own, in clear or over TLS; and a
// session that is kept, for what needs several streams.
import {
  connect as connectHttp2,
  constants,
  type ClientHttp2Session,
  type ClientHttp2Stream,
} from 'node:http2';
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Answer, Ask } from './test-client.ts';
import { testHost } from './test-plane.ts';

export interface Http2Address {
  readonly port: number;
  /** TLS, with this SNI; `null` for none; absent: prior knowledge. */
  readonly serverName?: string | null;
}

/** One session; disposing of it cuts it. */
export class Http2TestSession {
  readonly session: ClientHttp2Session;
  readonly socket: Socket;
  goaway: number | null = null;

  constructor({ port, serverName }: Http2Address) {
    const host = '127.0.0.1';
    const socket =
      serverName === undefined
        ? connect({ port, host })
        : connectTls({
            port,
            host,
            servername: serverName ?? '',
            rejectUnauthorized: false,
            ALPNProtocols: ['h2'],
          });
    this.socket = socket;
    this.session = connectHttp2(`http://${testHost}`, {
      createConnection: () => socket,
      // What a test has to send is its own affair.
      maxSessionMemory: 1_000,
    });
    this.session.on('error', () => undefined);
    this.session.on('goaway', (code) => (this.goaway = code));
  }

  /** A stream with the usual head; the caller ends it. */
  open(headers: OutgoingHttpHeaders = {}, options: { endStream?: boolean } = {}): ClientHttp2Stream {
    const stream = this.session.request({ ':authority': testHost, ...headers }, options);
    stream.on('error', () => undefined);
    return stream;
  }

  async get(path: string, headers: OutgoingHttpHeaders = {}): Promise<Answer> {
    return await answerOf(this.open({ ':path': path, ...headers }));
  }

  /** Resolves when the connection is over. */
  async closed(): Promise<void> {
    if (!this.socket.closed) await new Promise<void>((resolve) => this.socket.once('close', () => resolve()));
  }

  [Symbol.dispose](): void {
    this.session.destroy();
    this.socket.destroy();
  }
}

/** Rejects where the stream ends before the response does. */
export function answerOf(stream: ClientHttp2Stream): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let head: IncomingHttpHeaders | null = null;
    let rawHeaders: readonly string[] = [];
    let trailers: IncomingHttpHeaders = {};
    let isEnded = false;
    const chunks: Buffer[] = [];
    stream.on('error', () => undefined);
    stream.on('response', (headers, _flags, raw?: string[]) => {
      head = headers;
      rawHeaders = raw ?? [];
    });
    stream.on('trailers', (headers) => (trailers = headers));
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('end', () => (isEnded = true));
    stream.once('close', () => {
      const isReset = stream.rstCode !== constants.NGHTTP2_NO_ERROR;
      if (head === null || !isEnded || isReset) {
        reject(new Error(`stream aborted with ${stream.rstCode}${head === null ? ' before its head' : ''}`));
        return;
      }
      const { ':status': status, ...headers } = head;
      resolve({
        status: Number(status),
        headers,
        rawHeaders,
        body: Buffer.concat(chunks).toString('latin1'),
        trailers: Object.fromEntries(Object.entries(trailers).map(([name, value]) => [name, String(value)])),
      });
    });
  });
}

export async function askHttp2(input: Ask): Promise<Answer> {
  const { port, serverName, path = '/', method = 'GET', host = testHost, body } = input;
  using client = new Http2TestSession({ port, ...(serverName === undefined ? {} : { serverName }) });
  const { 'transfer-encoding': isUnsized, ...headers } = input.headers ?? {};
  const length =
    body === undefined || isUnsized !== undefined ? {} : { 'content-length': Buffer.byteLength(body) };
  const lists = Object.entries(headers).map(([name, value]) => [
    name,
    typeof value === 'string' ? value : [...value],
  ]);
  const stream = client.open(
    {
      ':authority': host,
      ':path': path,
      ':method': method,
      ...length,
      ...(Object.fromEntries(lists) as Record<string, string | string[]>),
    },
    { endStream: body === undefined },
  );
  const answer = answerOf(stream);
  if (body !== undefined) stream.end(body);
  return await answer;
}
