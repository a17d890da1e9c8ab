// Small real apps behind the data plane: node:http where HTTP is enough, bare sockets where an app must misbehave.
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server as HttpServer,
} from 'node:http';
import { createServer as createTcpServer, type Server, type Socket } from 'node:net';

export interface SeenRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly rawHeaders: readonly string[];
  readonly body: string;
  readonly trailers: Readonly<Record<string, string | undefined>>;
}

export class TestApp {
  readonly server: Server;
  readonly seen: SeenRequest[] = [];
  readonly sockets = new Set<Socket>();
  /** Connections accepted so far. */
  accepted = 0;
  port = 0;

  constructor(server: Server) {
    this.server = server;
    server.on('connection', (socket) => {
      this.accepted += 1;
      this.sockets.add(socket);
      socket.on('error', () => undefined);
      socket.once('close', () => this.sockets.delete(socket));
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

/** Answers with what it saw, as JSON, unless `listener` does. */
export async function startApp(
  listener?: RequestListener,
  prepare?: (server: HttpServer) => void,
): Promise<TestApp> {
  const server = createServer(listener ?? ((message, response) => echo(app, message, response)));
  server.keepAliveTimeout = 30_000;
  prepare?.(server);
  const app = new TestApp(server);
  return await listening(app);
}

/** Speaks bytes: `connected` gets each connection. */
export async function startRawApp(connected: (socket: Socket) => void): Promise<TestApp> {
  return await listening(new TestApp(createTcpServer({ noDelay: true }, connected)));
}

/** A port that refuses connections: bound for a moment, then let go. */
export async function refusingPort(): Promise<number> {
  const app = await startRawApp((socket) => socket.destroy());
  const { port } = app;
  await app[Symbol.asyncDispose]();
  return port;
}

async function listening(app: TestApp): Promise<TestApp> {
  await new Promise<void>((resolve) => app.server.listen(0, '127.0.0.1', resolve));
  const address = app.server.address();
  if (address === null || typeof address === 'string') throw new Error('A TCP server has a port');
  app.port = address.port;
  return app;
}

const echo = (app: TestApp, ...[message, response]: Parameters<RequestListener>): void => {
  const chunks: Buffer[] = [];
  message.on('data', (chunk: Buffer) => chunks.push(chunk));
  message.on('end', () => {
    const seen: SeenRequest = {
      method: message.method ?? '',
      url: message.url ?? '',
      headers: message.headers,
      rawHeaders: message.rawHeaders,
      body: Buffer.concat(chunks).toString('latin1'),
      trailers: message.trailers,
    };
    app.seen.push(seen);
    response.setHeader('Content-Type', 'application/json');
    response.end(JSON.stringify(seen));
  });
};
