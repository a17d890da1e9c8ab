// A fetch app on Bun.serve: Tako's own requests answered before the app, errors a plain 500, drain by stop().
import { type FetchApp } from '../app.ts';
import { type InternalAnswerer, TOKEN_HEADER } from '../internal-request.ts';
import { type Drainable, describeReason } from '../lifecycle.ts';
import { IN_FLIGHT_MS } from '../limits.ts';
import { type BunApi, type BunServer } from './bun-api.ts';

export interface BunListener extends Drainable {
  readonly server: BunServer;
}

export interface BunListenOptions {
  readonly host: string | null;
  readonly port: number;
  readonly answer: InternalAnswerer;
  readonly isManaged: boolean;
}

/** Throws when the address cannot be bound. Time and body limits are off under Tako: its proxy has them. */
export function listenWithBun(bun: BunApi, app: FetchApp, options: BunListenOptions): BunListener {
  const state = { isDraining: false };
  const server = bun.serve({
    port: options.port,
    ...(options.host === null ? {} : { hostname: options.host }),
    idleTimeout: options.isManaged ? 0 : 10,
    maxRequestBodySize: options.isManaged ? Number.MAX_SAFE_INTEGER : 128 * 1024 * 1024,
    development: false,
    ...(app.websocket === undefined ? {} : { websocket: app.websocket }),
    fetch: async (request, bunServer) => {
      const response = await respond(app, options.answer, { request, server: bunServer });
      return state.isDraining && response instanceof Response
        ? withHeader(response, 'connection', 'close')
        : response;
    },
    error: internalServerError,
  });
  return {
    server,
    drain: async () => {
      state.isDraining = true;
      const deadline = setTimeout(() => void server.stop(true), IN_FLIGHT_MS);
      await server.stop(false);
      clearTimeout(deadline);
    },
  };
}

interface BunExchange {
  readonly request: Request;
  readonly server: BunServer;
}

/** undefined when the handler upgraded the connection to a WebSocket. */
async function respond(
  app: FetchApp,
  answer: InternalAnswerer,
  { request, server }: BunExchange,
): Promise<unknown> {
  const verdict = answer({
    method: request.method,
    host: request.headers.get('host'),
    target: targetOf(request.url),
    token: request.headers.get(TOKEN_HEADER),
  });
  if (verdict.kind === 'answer') {
    return new Response(request.method === 'HEAD' ? null : verdict.body, {
      status: verdict.status,
      headers: verdict.headers,
    });
  }
  const response: unknown = await app.fetch(request, server);
  return verdict.kind === 'appWithToken' && response instanceof Response
    ? withHeader(response, TOKEN_HEADER, verdict.token)
    : response;
}

function targetOf(url: string): string {
  const { pathname, search } = new URL(url);
  return pathname + search;
}

/** In place where it can be: a copy of a Response loses the content type that Bun derives from a string body. */
function withHeader(response: Response, name: string, value: string): Response {
  try {
    response.headers.set(name, value);
    return response;
  } catch {
    // The headers of what fetch() returned are immutable.
    const copy = new Response(response.body, response);
    copy.headers.set(name, value);
    return copy;
  }
}

function internalServerError(error: unknown): Response {
  process.stderr.write(`tako: a request failed: ${describeReason(error)}\n`);
  return new Response('Internal Server Error\n', {
    status: 500,
    headers: { 'content-type': 'text/plain; charset=utf-8' },
  });
}
