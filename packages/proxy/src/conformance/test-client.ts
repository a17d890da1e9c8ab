// Clients of the suites: node:http for ordinary requests, a bare socket for exact bytes.
import { request, type IncomingHttpHeaders } from 'node:http';
import { request as secureRequest } from 'node:https';
import { connect, type Socket } from 'node:net';
import { test } from 'vitest';
import { askHttp2 } from './http2-client.ts';
import { testHost, type LaneUnderTest } from './test-plane.ts';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
  readonly body: string;
  readonly trailers: Readonly<Record<string, string | undefined>>;
}

export interface Ask {
  readonly port: number;
  readonly path?: string;
  readonly method?: string;
  readonly host?: string;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string | Buffer;
  /** TLS, with this SNI; `null` for none. */
  readonly serverName?: string | null;
}

/** The ordinary client that a lane is tested with. */
export const askerOf = (lane: LaneUnderTest): typeof ask => (lane.client === 'http2' ? askHttp2 : ask);

/** For what only HTTP/1 can say: a lane of another protocol has a test of its own for what it means there. */
export const http1TestOf = (lane: LaneUnderTest): typeof test =>
  lane.client === 'http2' ? unregistered : test;

/** For what HTTP/1 says otherwise, with a test of its own. */
export const http2TestOf = (lane: LaneUnderTest): typeof test =>
  lane.client === 'http2' ? test : unregistered;

/** Not a skip: there is nothing that this lane lacks. */
const unregistered = Object.assign(() => undefined, {
  each: () => () => undefined,
}) as unknown as typeof test;

/** One request on a connection of its own. Rejects when the connection breaks. */
export function ask(input: Ask): Promise<Answer> {
  const { serverName } = input;
  const send = serverName === undefined ? request : secureRequest;
  return new Promise((resolve, reject) => {
    const outgoing = send({
      host: '127.0.0.1',
      port: input.port,
      path: input.path ?? '/',
      method: input.method ?? 'GET',
      headers: { host: input.host ?? testHost, ...input.headers },
      agent: false,
      ...(serverName === undefined ? {} : { servername: serverName ?? '', rejectUnauthorized: false }),
    });
    outgoing.on('error', reject);
    outgoing.on('response', (message) => {
      const chunks: Buffer[] = [];
      message.on('data', (chunk: Buffer) => chunks.push(chunk));
      message.on('error', reject);
      message.on('end', () =>
        resolve({
          status: message.statusCode ?? 0,
          headers: message.headers,
          rawHeaders: message.rawHeaders,
          body: Buffer.concat(chunks).toString('latin1'),
          trailers: message.trailers,
        }),
      );
    });
    outgoing.end(input.body);
  });
}

export class RawClient {
  readonly socket: Socket;
  received = '';
  ended = false;
  closed = false;
  error: Error | null = null;
  #listeners = new Set<() => void>();

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.#note(() => (this.received += chunk.toString('latin1'))));
    socket.on('end', () => this.#note(() => (this.ended = true)));
    socket.on('error', (error) => this.#note(() => (this.error = error)));
    socket.on('close', () => this.#note(() => (this.closed = true)));
  }

  static async open(port: number): Promise<RawClient> {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    return new RawClient(socket);
  }

  send(bytes: string | Buffer): void {
    this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  }

  /** Everything received, once `isEnough` says so, or the connection is over. */
  async receives(isEnough: (received: string) => boolean): Promise<string> {
    await this.#until(() => isEnough(this.received) || this.ended || this.closed);
    return this.received;
  }

  /** The other side is done with this connection, by end or by reset. */
  async ends(): Promise<string> {
    await this.#until(() => this.ended || this.closed);
    return this.received;
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }

  async #until(isTrue: () => boolean): Promise<void> {
    await new Promise<void>((resolve) => {
      const look = (): void => {
        if (!isTrue()) return;
        this.#listeners.delete(look);
        resolve();
      };
      this.#listeners.add(look);
      look();
    });
  }

  #note(change: () => void): void {
    change();
    for (const look of this.#listeners) look();
  }
}

/** A whole head: lines joined by CRLF, with the empty line. */
export const headOf = (...lines: readonly string[]): string => `${lines.join('\r\n')}\r\n\r\n`;

export const statusOf = (received: string): number => Number(/^HTTP\/1\.1 (\d{3})/.exec(received)?.[1] ?? 0);

/** Status codes of all responses in a stream of bytes whose bodies hold no status line. */
export const statusesOf = (received: string): number[] =>
  [...received.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((match) => Number(match[1]));
