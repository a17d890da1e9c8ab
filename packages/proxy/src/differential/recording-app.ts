// An app that answers every request with what it was, and keeps what it saw in a form that two lanes can be compared
// in: without ids and ports, which differ by nature.
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';

export interface SeenByApp {
  readonly method: string;
  readonly url: string;
  readonly fields: readonly string[];
  readonly body: string;
  readonly trailers: readonly string[];
}

export interface DifferentialApp {
  readonly port: number;
  readonly seen: readonly SeenByApp[];
  /** A new input: nothing was seen yet. */
  readonly begin: () => void;
  readonly close: () => void;
}

const leftOut = new Set(['x-request-id', 'x-forwarded-port']);

export class RecordingApp implements DifferentialApp {
  readonly port: number;
  readonly #server: Server;
  #seen: SeenByApp[] = [];

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.port = port;
  }

  static async start(): Promise<RecordingApp> {
    const server = createServer({ keepAliveTimeout: 30_000, requireHostHeader: false });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('A TCP server has a port');
    const app = new RecordingApp(server, address.port);
    server.on('request', (message, response) => {
      const chunks: Buffer[] = [];
      message.on('error', () => undefined);
      message.on('data', (chunk: Buffer) => chunks.push(chunk));
      message.on('end', () => {
        const { rawHeaders, rawTrailers, method = '', url = '' } = message;
        const body = Buffer.concat(chunks).toString('latin1');
        app.#seen.push({ method, url, body, fields: linesOf(rawHeaders), trailers: linesOf(rawTrailers) });
        response.end(`${method} ${url} ${body.length}`);
      });
    });
    return app;
  }

  get seen(): readonly SeenByApp[] {
    return this.#seen;
  }

  begin(): void {
    this.#seen = [];
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

function linesOf(raw: readonly string[]): string[] {
  const lines: string[] = [];
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = raw[index] ?? '';
    if (!leftOut.has(name.toLowerCase())) lines.push(`${name}: ${raw[index + 1] ?? ''}`);
  }
  return lines.sort();
}
