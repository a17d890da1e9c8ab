// A real HTTP server on a real Unix socket in its own temp directory, over a given service. `await using` ends it.
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import http from 'node:http';
import type net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { ProtocolLimits } from '../limits.ts';
import type { ArtifactReceiver, ManagementService } from '../management-service.ts';
import { PROTOCOL_VERSION } from '../protocol-version.ts';
import type { InternalErrorReport } from '../server/error-door.ts';
import { createManagementHandler, managementServerOptions } from '../server/management-handler.ts';
import { createMemoryArtifacts } from './memory-artifacts.ts';
import { createMemoryService } from './memory-service.ts';

export interface TestServerOptions {
  readonly service?: ManagementService;
  readonly artifacts?: ArtifactReceiver;
  readonly limits?: Partial<ProtocolLimits>;
  readonly signal?: AbortSignal;
}

export interface TestServer extends AsyncDisposable {
  readonly socketPath: string;
  readonly server: http.Server;
  readonly internalErrors: InternalErrorReport[];
  /** Connections accepted so far. */
  connections(): number;
  /** Cuts every connection. */
  cut(): void;
}

export async function startTestServer(options: TestServerOptions = {}): Promise<TestServer> {
  const directory = await mkdtemp(path.join(tmpdir(), 'tako-protocol-'));
  const socketPath = path.join(directory, 'tako.sock');
  const internalErrors: InternalErrorReport[] = [];
  const handler = createManagementHandler({
    service: options.service ?? createMemoryService(),
    artifacts: options.artifacts ?? createMemoryArtifacts(),
    onInternalError: (report) => internalErrors.push(report),
    ...(options.limits === undefined ? {} : { limits: options.limits }),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  const server = http.createServer(managementServerOptions, handler);
  const sockets = new Set<net.Socket>();
  let accepted = 0;
  server.on('connection', (socket) => {
    accepted += 1;
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.listen(socketPath);
  await once(server, 'listening');
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    socketPath,
    server,
    internalErrors,
    connections: () => accepted,
    cut,
    async [Symbol.asyncDispose]() {
      cut();
      await new Promise((resolve) => server.close(resolve));
      await rm(directory, { recursive: true, force: true });
    },
  };
}

export interface RawAnswer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly text: string;
}

export interface RawRequest {
  readonly method?: string;
  readonly path: string;
  readonly headers?: http.OutgoingHttpHeaders;
  readonly body?: string | Buffer;
}

/** A request by hand, as a foreign or hostile client sends it; with the right protocol unless `headers` say otherwise. */
export async function rawRequest(socketPath: string, request: RawRequest): Promise<RawAnswer> {
  const stated = { 'tako-protocol': String(PROTOCOL_VERSION), ...request.headers };
  const headers = Object.fromEntries(Object.entries(stated).filter(([, value]) => value !== undefined));
  const sent = http.request({
    socketPath,
    method: request.method ?? 'GET',
    path: request.path,
    headers,
    agent: false,
  });
  sent.end(request.body);
  const [answer] = (await once(sent, 'response')) as [http.IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  return {
    status: answer.statusCode ?? 0,
    headers: answer.headers,
    text: Buffer.concat(chunks).toString('utf8'),
  };
}
