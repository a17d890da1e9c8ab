// Answers scrapers: GET /metrics and nothing else. Owns no socket: it accepts on duplicates of those it is given.
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { metricsCloseTimeoutMs, metricsConnectionsMax, metricsRequestTimeoutMs } from '../limits.ts';
import { stopAccepting } from '../listeners/stop-accepting.ts';
import type { Log } from '../log.ts';
import { expositionType } from './exposition.ts';

export interface MetricsServerSpec {
  /** Listening sockets that become this server's own, closed with it. */
  readonly fds: readonly number[];
  readonly text: () => Promise<string>;
  readonly log: Log;
}

function plain(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(text);
}

/** null: it could not be written. */
async function textOf({ text, log }: MetricsServerSpec): Promise<string | null> {
  try {
    return await text();
  } catch (error) {
    log.error({ err: error }, 'metrics could not be written');
    return null;
  }
}

function exposed(response: ServerResponse, text: string | null): void {
  if (text === null) plain(response, 500, 'metrics could not be written; the log of the server says why\n');
  else response.writeHead(200, { 'content-type': expositionType, 'cache-control': 'no-store' }).end(text);
}

function answer(spec: MetricsServerSpec, request: IncomingMessage, response: ServerResponse): void {
  const path = (request.url ?? '').split('?', 1)[0];
  if (path !== '/metrics') {
    plain(response, 404, 'metrics are at /metrics\n');
  } else if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('allow', 'GET, HEAD');
    plain(response, 405, 'only GET and HEAD are answered here\n');
  } else {
    void textOf(spec).then((text) => exposed(response, text));
  }
}

function openServer(spec: MetricsServerSpec): Server {
  const server = createServer(
    {
      headersTimeout: metricsRequestTimeoutMs,
      requestTimeout: metricsRequestTimeoutMs,
      connectionsCheckingInterval: metricsRequestTimeoutMs,
    },
    (request, response) => answer(spec, request, response),
  );
  // An open connection is then one that is being answered: at a handoff none is cut.
  server.maxRequestsPerSocket = 1;
  // Scrapers are few; whoever opens more is refused by a reset, which hurts nobody's users.
  server.maxConnections = metricsConnectionsMax;
  server.on('clientError', (_error, socket) => socket.destroy());
  // EMFILE and its like: the accept is lost, the listener is not.
  server.on('error', (error) => spec.log.warn({ err: error }, 'metrics listener failed'));
  return server;
}

export async function startMetricsServer(spec: MetricsServerSpec): Promise<AsyncDisposable> {
  const servers = await Promise.all(
    spec.fds.map(async (fd) => {
      const server = openServer(spec);
      await new Promise<void>((resolve) => server.listen({ fd }, resolve));
      return server;
    }),
  );
  return {
    [Symbol.asyncDispose]: async () => {
      await Promise.all(servers.map((server) => stopAccepting(server, metricsCloseTimeoutMs)));
    },
  };
}
