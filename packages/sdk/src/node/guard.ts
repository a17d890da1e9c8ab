// Stands between a node:http server and its listeners: answers Tako's own requests, and drains the server.
// It knows nothing of what the app does with a request.
import { type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import net from 'node:net';
import process from 'node:process';
import { type InternalAnswerer, TOKEN_HEADER } from '../internal-request.ts';
import { type Drainable } from '../lifecycle.ts';
import { IN_FLIGHT_MS, LAME_DUCK_MS } from '../limits.ts';

/** The events by which node:http announces one request. */
const REQUEST_EVENTS: ReadonlySet<string | symbol> = new Set([
  'request',
  'checkContinue',
  'checkExpectation',
]);

/** Any listener that the app adds, before or after, sees only what is meant for the app. */
export function guardServer(server: Server, answer: InternalAnswerer): Drainable {
  const exchanges = new Exchanges(server);
  const emit = server.emit.bind(server);
  server.emit = (event: string | symbol, ...values: unknown[]): boolean => {
    if (!isExchange(event, values)) return emit(event, ...values);
    const [request, response] = values;
    exchanges.add(response);
    return answerInternal(answer, request, response) || emit(event, ...values);
  };
  server.prependListener('connection', (socket: net.Socket) => exchanges.addSocket(socket));
  return { drain: () => exchanges.drain() };
}

function isExchange(event: string | symbol, values: unknown[]): values is [IncomingMessage, ServerResponse] {
  return REQUEST_EVENTS.has(event) && values.length === 2;
}

/** What a server has open, and how it ends. */
class Exchanges {
  readonly #server: Server;
  readonly #inFlight = new Set<ServerResponse>();
  readonly #sockets = new Set<net.Socket>();
  #stage: 'serving' | 'lameDuck' | 'closing' = 'serving';

  constructor(server: Server) {
    this.#server = server;
  }

  addSocket(socket: net.Socket): void {
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
  }

  add(response: ServerResponse): void {
    this.#inFlight.add(response);
    if (this.#stage !== 'serving') tellClose(response);
    response.once('close', () => {
      this.#inFlight.delete(response);
      // Its head may have promised keep-alive before the drain began.
      if (this.#stage === 'closing') this.#server.closeIdleConnections();
    });
  }

  /**
   * Closes the listener at once. Idle keep-alive connections may use the lame duck time for one last request;
   * `http.Server.close()` would break those whose request is on its way (facts, "Handing sockets over").
   */
  async drain(): Promise<void> {
    if (!this.#server.listening) return;
    this.#stage = 'lameDuck';
    for (const response of this.#inFlight) tellClose(response);
    const closed = this.#closeListener();
    const lameDuck = setTimeout(() => this.#closeIdle(), LAME_DUCK_MS);
    const deadline = setTimeout(() => this.#cutOff(), IN_FLIGHT_MS);
    await closed;
    clearTimeout(lameDuck);
    clearTimeout(deadline);
  }

  /** Resolves when the last connection has ended, upgraded ones included. */
  #closeListener(): Promise<void> {
    return new Promise((resolve) => {
      // Bun's node:http server is no net.Server; its close() ends idle connections at once.
      if (process.versions['bun'] !== undefined) this.#server.close(() => resolve());
      else net.Server.prototype.close.call(this.#server, () => resolve());
    });
  }

  #closeIdle(): void {
    this.#stage = 'closing';
    this.#server.closeIdleConnections();
    // node:http counts a connection that never sent a byte as busy.
    for (const socket of this.#sockets) if (socket.bytesRead === 0) socket.destroy();
  }

  #cutOff(): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}

function tellClose(response: ServerResponse): void {
  if (!response.headersSent) response.setHeader('connection', 'close');
}

/** True when the request was Tako's and has been answered. */
function answerInternal(
  answer: InternalAnswerer,
  request: IncomingMessage,
  response: ServerResponse,
): boolean {
  const token = request.headers[TOKEN_HEADER];
  const verdict = answer({
    method: request.method ?? 'GET',
    host: request.headers.host ?? null,
    target: request.url ?? '/',
    token: typeof token === 'string' ? token : null,
  });
  if (verdict.kind === 'app') return false;
  if (verdict.kind === 'appWithToken') {
    response.setHeader(TOKEN_HEADER, verdict.token);
    return false;
  }
  response.writeHead(verdict.status, {
    ...verdict.headers,
    'content-length': Buffer.byteLength(verdict.body),
  });
  response.end(request.method === 'HEAD' ? undefined : verdict.body);
  return true;
}
