// An app on a bare socket that answers every request with the same bytes, whatever they are, and then does what the
// script says to the connection.
import { once } from 'node:events';
import net from 'node:net';
import type { DifferentialApp, SeenByApp } from './recording-app.ts';

export interface ScriptedAnswer {
  readonly pieces: readonly Buffer[];
  readonly afterwards: 'keep' | 'end' | 'reset';
}

const headEnd = Buffer.from('\r\n\r\n');

export class AnsweringApp implements DifferentialApp {
  readonly port: number;
  readonly #server: net.Server;
  readonly #sockets = new Set<net.Socket>();
  #answer: ScriptedAnswer = { pieces: [], afterwards: 'end' };
  #seen: SeenByApp[] = [];

  private constructor(server: net.Server, port: number) {
    this.#server = server;
    this.port = port;
    server.on('connection', (socket) => this.#serve(socket));
  }

  static async start(): Promise<AnsweringApp> {
    const server = net.createServer({ noDelay: true });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('A TCP server has a port');
    return new AnsweringApp(server, address.port);
  }

  get seen(): readonly SeenByApp[] {
    return this.#seen;
  }

  /** From now on every request gets this. */
  answerWith(answer: ScriptedAnswer): void {
    this.#answer = answer;
  }

  begin(): void {
    this.#seen = [];
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #serve(socket: net.Socket): void {
    let received = Buffer.alloc(0);
    this.#sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => this.#sockets.delete(socket));
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      const end = received.indexOf(headEnd);
      if (end < 0) return;
      const head = received.toString('latin1', 0, end);
      const length = Number(/^content-length: (\d+)$/im.exec(head)?.[1] ?? 0);
      if (received.length < end + headEnd.length + length) return;
      const [method = '', url = ''] = head.split(' ');
      const body = received.toString('latin1', end + headEnd.length, end + headEnd.length + length);
      this.#seen.push({ method, url, body, fields: [], trailers: [] });
      received = received.subarray(end + headEnd.length + length);
      void this.#reply(socket);
    });
  }

  async #reply(socket: net.Socket): Promise<void> {
    const { pieces, afterwards } = this.#answer;
    for (const piece of pieces) {
      if (socket.destroyed) return;
      socket.write(piece);
      await new Promise((resolve) => setImmediate(resolve));
    }
    if (afterwards === 'end') socket.end();
    else if (afterwards === 'reset') socket.resetAndDestroy();
  }
}
