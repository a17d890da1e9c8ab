// Opens one WebSocket tunnel: dials the instance itself (so that a refused connect is known for what it is), then lets
// http-proxy-3 make the upgrade over that connection and join the two sides.
import { Agent, type ClientRequest, type IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { createProxyServer } from 'http-proxy-3';
import { applyEdits } from '../../headers/header-edits.ts';
import type { Tunnel, TunnelFailureKind, TunnelListener, TunnelRequest } from '../../pipeline/exchange.ts';
import type { LaneDeps } from './lane-deps.ts';
import { WebSocketRelay } from './websocket-relay.ts';

export interface WebSocketTunnelInput {
  readonly message: IncomingMessage;
  readonly client: Socket;
  /** Bytes that came with the head. */
  readonly early: Buffer;
  readonly target: string;
  /** The head for the app, edits applied. */
  readonly headers: readonly string[];
  readonly request: TunnelRequest;
  readonly listener: TunnelListener;
  readonly deps: LaneDeps;
  readonly clientBytes: (bytes: number) => void;
  readonly upstreamBytes: (bytes: number) => void;
}

export class WebSocketTunnel implements Tunnel {
  readonly #input: WebSocketTunnelInput;
  #upstream: Socket | null = null;
  #relay: WebSocketRelay | null = null;
  #answered = false;
  #over = false;
  #cancelTimer: () => void;

  constructor(input: WebSocketTunnelInput) {
    this.#input = input;
    const { target, connectTimeoutMs } = input.request;
    const upstream = connect({ host: target.host, port: target.port, noDelay: true });
    this.#upstream = upstream;
    this.#cancelTimer = input.deps.clock.after(connectTimeoutMs, () => {
      this.#fail('connectTimeout', new Error(`No connection to ${target.host}:${target.port} in time`));
    });
    const refused = (error: Error): void => this.#fail('refused', error);
    upstream.once('error', refused);
    upstream.once('connect', () => {
      upstream.off('error', refused);
      this.#cancelTimer();
      if (!this.#over) this.#upgrade(upstream);
    });
  }

  endPolitely(): void {
    if (this.#relay === null) this.cut();
    else this.#relay.endPolitely();
  }

  cut(): void {
    if (this.#over && this.#relay === null) return;
    this.#over = true;
    this.#cancelTimer();
    this.#upstream?.destroy();
    if (this.#answered) this.#input.client.destroy();
  }

  #upgrade(upstream: Socket): void {
    const { message, client, early, request, headers, deps } = this.#input;
    const agent = new OneSocketAgent(upstream);
    const proxy = createProxyServer({ agent, proxyTimeout: 0 });
    message.headers = joinHeaders(headers);
    proxy.on('proxyReqWs', (outgoing: ClientRequest) => {
      outgoing.path = this.#input.target;
      // Registered before http-proxy's own: what it writes to the client is what we leave in `headers`.
      outgoing.once('upgrade', (answer) => this.#accepted(answer));
      outgoing.once('response', (answer) => this.#declined(answer));
      this.#cancelTimer = deps.clock.after(request.headTimeoutMs, () => {
        this.#fail('headTimeout', new Error('No answer to the upgrade in time'));
        outgoing.destroy();
      });
    });
    // Emitted once both are piped: a listener for data any earlier would take the first bytes away from the pipe.
    proxy.once('open', (socket) => this.#joined(socket));
    // It is told of failures only; whether one came before the answer is known here.
    proxy.on('error', (error) => this.#fail('reset', error));
    const { host, port } = request.target;
    proxy.ws(
      message,
      client,
      early,
      { target: `http://${host.includes(':') ? `[${host}]` : host}:${port}` },
      (error) => this.#fail('reset', error),
    );
  }

  #accepted(answer: IncomingMessage): void {
    const { request, listener } = this.#input;
    this.#cancelTimer();
    this.#answered = true;
    answer.headers = {
      ...joinHeaders(applyEdits(answer.rawHeaders, request.responseEdits(answer.rawHeaders))),
      connection: 'Upgrade',
      upgrade: 'websocket',
    };
    listener.answered(101);
  }

  #joined(upstream: Socket): void {
    const { client, request, deps } = this.#input;
    // Joined by http-proxy already; the relay passes the bytes on, and reads them without a buffer for each.
    upstream.unpipe(client);
    client.unpipe(upstream);
    this.#relay = new WebSocketRelay({
      client,
      upstream,
      clock: deps.clock,
      wheel: deps.wheel,
      reads: deps.reads,
      idleTimeoutMs: request.idleTimeoutMs,
      politeEndMs: deps.limits.politeEndMs,
      clientBytes: this.#input.clientBytes,
      upstreamBytes: this.#input.upstreamBytes,
    });
  }

  /** The app said something else than 101; http-proxy passes it on and ends the connection. */
  #declined(answer: IncomingMessage): void {
    this.#cancelTimer();
    this.#answered = true;
    const edits = this.#input.request.responseEdits(answer.rawHeaders);
    answer.headers = { ...joinHeaders(applyEdits(answer.rawHeaders, edits)), connection: 'close' };
    this.#input.listener.answered(answer.statusCode ?? 502);
  }

  #fail(kind: TunnelFailureKind, error: Error): void {
    if (this.#over || this.#answered) return;
    this.#over = true;
    this.#cancelTimer();
    this.#upstream?.destroy();
    this.#input.listener.failed(kind, error);
  }
}

/** Gives out the one connection that was dialled for this request. */
class OneSocketAgent extends Agent {
  readonly #socket: Socket;

  constructor(socket: Socket) {
    super({ keepAlive: false });
    this.#socket = socket;
  }

  override createConnection(): Socket {
    return this.#socket;
  }
}

/** Node's form of headers; repeated fields as lists, so that none is lost. */
function joinHeaders(headers: readonly string[]): Record<string, string | string[]> {
  const joined: Record<string, string | string[]> = {};
  for (let index = 0; index + 1 < headers.length; index += 2) {
    const name = (headers[index] ?? '').toLowerCase();
    const value = headers[index + 1] ?? '';
    const before = joined[name];
    joined[name] =
      before === undefined ? value : Array.isArray(before) ? [...before, value] : [before, value];
  }
  return joined;
}
