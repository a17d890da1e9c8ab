// The general lane: node:http (llhttp) on connections that were accepted elsewhere. Reads a head into an Exchange,
// hands it to policy, and answers what never became a request.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { ConnectionFacts } from '../../pipeline/exchange.ts';
import { errorReply } from '../../replies/error-page.ts';
import type { FailureKind } from '../../replies/failure.ts';
import { formatRawReply } from '../../replies/raw-reply.ts';
import { chooseRequestId } from '../../headers/request-id.ts';
import type { Lane } from '../lane.ts';
import { ClientConnection } from './client-connection.ts';
import { HttpExchange } from './http-exchange.ts';
import type { LaneDeps } from './lane-deps.ts';
import { readRequestFacts } from './request-facts.ts';
import { UpgradeExchange } from './upgrade-exchange.ts';

export class GeneralLane implements Lane {
  readonly #deps: LaneDeps;
  readonly #server: Server;
  readonly #connections = new Map<Socket, ClientConnection>();

  constructor(deps: LaneDeps) {
    this.#deps = deps;
    this.#server = createServer({
      insecureHTTPParser: false,
      // Our own limit says 431 first; this one is the parser's, for heads that never end.
      maxHeaderSize: deps.limits.headBytesMax + 1_024,
      requireHostHeader: false,
      keepAliveTimeout: 0,
      headersTimeout: 0,
      requestTimeout: 0,
      // Other upgrades (h2c by curl) are ordinary requests: their Upgrade field is dropped (RFC 9110 §7.8). So are
      // those behind requests that are not answered yet: node:http gives the socket away at once.
      shouldUpgradeCallback: (message) =>
        isWebSocketUpgrade(message) && this.#connections.get(message.socket)?.isIdle === true,
    });
    // 0 = no limit: a limit would drop fields silently, and a dropped Content-Length is a smuggled request.
    this.#server.maxHeadersCount = 0;
    // A client may end its side and still want the answer; the connection decides. (Not in Node's types.)
    Reflect.set(this.#server, 'httpAllowHalfOpen', true);
    this.#server.on('request', (message, response) => this.#request(message, response, false));
    this.#server.on('checkContinue', (message, response) => this.#request(message, response, true));
    this.#server.on('checkExpectation', (message, response) => this.#request(message, response, false));
    this.#server.on('upgrade', (message, socket, early) => this.#upgrade(message, socket, early));
    this.#server.on('connect', (_message, socket) => {
      const connection = this.#connectionOf(socket);
      connection?.parserGone();
      connection?.parserFailed('CONNECT', () => this.#refuse(socket, 'malformed', 'CONNECT'));
    });
    this.#server.on('clientError', (error, socket) => this.#clientError(error, socket));
  }

  get connections(): Iterable<ClientConnection> {
    return this.#connections.values();
  }

  get size(): number {
    return this.#connections.size;
  }

  /** Serves a connection, plain or TLS, whose bytes nobody has read. */
  serve(socket: Socket, facts: ConnectionFacts): void {
    const connection = new ClientConnection(socket, facts, {
      limits: this.#deps.limits,
      clock: this.#deps.clock,
      wheel: this.#deps.wheel,
      isLame: this.#deps.isLame,
      headTimedOut: (late) => this.#refuse(late.socket, 'headTimedOut', 'head did not end in time'),
    });
    this.#connections.set(socket, connection);
    socket.on('error', () => undefined);
    socket.once('close', () => this.#connections.delete(socket));
    this.#server.emit('connection', socket);
    socket.resume();
  }

  /** Node types these as Duplex, since a server may be given any. */
  #connectionOf(socket: Duplex): ClientConnection | undefined {
    return socket instanceof Socket ? this.#connections.get(socket) : undefined;
  }

  #request(message: IncomingMessage, response: ServerResponse, expectsContinue: boolean): void {
    const connection = this.#connections.get(message.socket);
    if (connection === undefined || connection.isEnding) return;
    const facts = readRequestFacts(message);
    connection.takeTurn({
      isBodyComplete: () => message.complete,
      begin: (fault) => {
        const input = { message, response, connection, facts, expectsContinue, deps: this.#deps };
        const exchange = new HttpExchange(input);
        this.#deps.run(exchange);
        if (fault !== null) exchange.bodyMalformed(fault);
      },
    });
  }

  #upgrade(message: IncomingMessage, socket: Duplex, early: Buffer): void {
    const connection = this.#connectionOf(socket);
    if (connection === undefined) return;
    const facts = readRequestFacts(message);
    this.#deps.run(new UpgradeExchange({ message, connection, facts, early, deps: this.#deps }));
  }

  /** The parser gave up: in a head, in a body, or between messages. */
  #clientError(error: Error & { readonly code?: string }, socket: Duplex): void {
    const connection = this.#connectionOf(socket);
    if (connection === undefined || socket.destroyed) return;
    const code = error.code ?? '';
    if (!code.startsWith('HPE_')) {
      socket.destroy();
      return;
    }
    // The client has ended its side in the middle of a message: that is seen to there.
    if (code === 'HPE_INVALID_EOF_STATE') return;
    const kind = code === 'HPE_HEADER_OVERFLOW' ? 'headTooLarge' : 'malformed';
    connection.parserFailed(code, () => this.#refuse(socket, kind, code));
  }

  #refuse(socket: Duplex, kind: FailureKind, cause: string): void {
    const connection = this.#connectionOf(socket);
    if (connection === undefined || socket.destroyed) return;
    const { limits } = this.#deps;
    const requestId = chooseRequestId(undefined, limits.requestIdCharsMax);
    const reply = errorReply({
      kind,
      requestId,
      accept: undefined,
      retryAfterSeconds: limits.retryAfterSeconds,
    });
    socket.write(formatRawReply(reply));
    this.#deps.refused({ connection: connection.facts, requestId, kind, status: reply.status, cause });
    connection.closeDiscarding();
  }
}

/** RFC 6455 §4.1: GET, HTTP/1.1, Upgrade: websocket, Connection: Upgrade (llhttp saw to that), no body. */
function isWebSocketUpgrade(message: IncomingMessage): boolean {
  return (
    message.method === 'GET' &&
    message.httpVersionMinor === 1 &&
    (message.headers.upgrade ?? '').trim().toLowerCase() === 'websocket' &&
    message.headers['transfer-encoding'] === undefined &&
    (message.headers['content-length'] ?? '0') === '0'
  );
}
