// A WebSocket upgrade of the general lane as an Exchange: no response object, only the socket. Either an answer of our
// own ends the connection, or a tunnel takes it.
import type { IncomingMessage } from 'node:http';
import { applyEdits, type HeaderEdits } from '../../headers/header-edits.ts';
import type {
  ConnectionFacts,
  Exchange,
  ExchangeWatcher,
  HeadSize,
  Protocol,
  Reply,
  Tunnel,
  TunnelListener,
  TunnelRequest,
} from '../../pipeline/exchange.ts';
import { formatRawReply } from '../../replies/raw-reply.ts';
import type { RawHeaders, UpstreamBody } from '../../upstream/upstream.types.ts';
import type { ClientConnection, ConnectionTenant } from './client-connection.ts';
import { hostEdits, readHeader } from './exchange-headers.ts';
import type { LaneDeps } from './lane-deps.ts';
import type { RequestFacts } from './request-facts.ts';
import { WebSocketTunnel } from './websocket-tunnel.ts';

export interface UpgradeExchangeInput {
  readonly message: IncomingMessage;
  readonly connection: ClientConnection;
  readonly facts: RequestFacts;
  readonly early: Buffer;
  readonly deps: LaneDeps;
}

export class UpgradeExchange implements Exchange, ConnectionTenant {
  readonly connection: ConnectionFacts;
  readonly protocol: Protocol;
  readonly method: string;
  readonly target: string;
  readonly plainPath = null;
  readonly authority: string | null;
  readonly hostFields: number;
  readonly body: UpstreamBody = { kind: 'none' };
  readonly upgrade = 'websocket' as const;
  readonly refusal: Exchange['refusal'];
  readonly #input: UpgradeExchangeInput;
  #watcher: ExchangeWatcher | null = null;
  #bytesIn = 0;
  #bytesOut = 0;
  #answered = false;
  #closed = false;

  constructor(input: UpgradeExchangeInput) {
    const { facts, message, connection } = input;
    this.#input = input;
    this.connection = connection.facts;
    this.refusal = facts.refusal;
    this.protocol = facts.protocol;
    this.method = message.method ?? '';
    this.target = facts.target;
    this.authority = facts.authority;
    this.hostFields = facts.hostFields;
    connection.began(this);
    connection.upgraded();
    connection.socket.on('error', () => undefined);
    connection.socket.once('close', () => this.#close());
  }

  readonly header = (name: string): string | undefined => readHeader(this.#input.message, name);
  readonly headSize = (): HeadSize => this.#input.facts.size;
  readonly bytesIn = (): number => this.#bytesIn;
  readonly bytesOut = (): number => this.#bytesOut;

  readonly upstreamHeaders = (edits: HeaderEdits): RawHeaders =>
    applyEdits(this.#input.message.rawHeaders, hostEdits(this.#input.facts, edits));

  readonly watch = (watcher: ExchangeWatcher): void => {
    this.#watcher = watcher;
  };

  readonly reply = (reply: Reply): void => {
    const { socket } = this.#input.connection;
    if (this.#answered || this.#closed) return;
    this.#answered = true;
    this.#bytesOut += Buffer.byteLength(reply.body);
    socket.end(formatRawReply(reply));
    this.#input.connection.closeDiscarding();
  };

  readonly reset = (): void => {
    this.#input.connection.cut();
  };

  readonly openTunnel = (request: TunnelRequest, listener: TunnelListener): Tunnel =>
    new WebSocketTunnel({
      message: this.#input.message,
      client: this.#input.connection.socket,
      early: this.#input.early,
      target: this.target,
      headers: [...this.upstreamHeaders(request.edits), 'Connection', 'Upgrade', 'Upgrade', 'websocket'],
      request,
      listener: {
        answered: (status) => {
          this.#answered = true;
          listener.answered(status);
        },
        failed: listener.failed,
      },
      deps: this.#input.deps,
      clientBytes: (bytes) => {
        this.#bytesIn += bytes;
      },
      upstreamBytes: (bytes) => {
        this.#bytesOut += bytes;
      },
    });

  readonly forward = (): never => {
    throw new Error('An upgrade goes through a tunnel');
  };

  // An upgrade has no body and no response of the ordinary kind.
  readonly readBody = (): void => undefined;
  readonly pauseBody = (): void => undefined;
  readonly resumeBody = (): void => undefined;
  readonly informational = (): void => undefined;
  readonly head = (): void => undefined;
  readonly write = (): boolean => true;
  readonly end = (): void => undefined;

  isBodyComplete(): boolean {
    return true;
  }

  bodyMalformed(): void {
    // There is no body to be malformed.
  }

  socketDrained(): void {
    // The tunnel listens itself.
  }

  socketClosed(): void {
    this.#close();
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#input.connection.ended(this);
    this.#watcher?.closed(this.#answered ? 'finished' : 'aborted');
  }
}
