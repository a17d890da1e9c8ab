// One request of the general lane as an Exchange: node:http's message and response objects behind the interface that
// policy knows. Decides nothing.
import { STATUS_CODES, type IncomingMessage, type ServerResponse } from 'node:http';
import type {
  BodyReader,
  ConnectionFacts,
  Exchange,
  ExchangeWatcher,
  ForwardInput,
  HeadSize,
  Protocol,
  Reply,
  Tunnel,
} from '../../pipeline/exchange.ts';
import { applyEdits, type HeaderEdits } from '../../headers/header-edits.ts';
import type {
  RawHeaders,
  UpstreamBody,
  UpstreamCall,
  UpstreamResponseHead,
} from '../../upstream/upstream.types.ts';
import { BodyWatch } from './body-watch.ts';
import { interimHead } from '../../replies/interim-head.ts';
import type { ClientConnection, ConnectionTenant } from './client-connection.ts';
import { hostEdits, readHeader } from './exchange-headers.ts';
import type { LaneDeps } from './lane-deps.ts';
import type { RequestFacts } from './request-facts.ts';
import { fieldsOf, pairsOf } from './response-fields.ts';

export interface HttpExchangeInput {
  readonly message: IncomingMessage;
  readonly response: ServerResponse;
  readonly connection: ClientConnection;
  readonly facts: RequestFacts;
  readonly expectsContinue: boolean;
  readonly deps: LaneDeps;
}

export class HttpExchange implements Exchange, ConnectionTenant {
  readonly connection: ConnectionFacts;
  readonly protocol: Protocol;
  readonly method: string;
  readonly target: string;
  readonly plainPath = null;
  readonly authority: string | null;
  readonly hostFields: number;
  readonly body: UpstreamBody;
  readonly upgrade = null;
  readonly refusal: Exchange['refusal'];
  readonly #input: HttpExchangeInput;
  readonly #watch: BodyWatch;
  #watcher: ExchangeWatcher | null = null;
  #reader: BodyReader | null = null;
  #bytesIn = 0;
  #bytesOut = 0;
  #finished = false;
  #closed = false;

  constructor(input: HttpExchangeInput) {
    const { facts, message, response, connection } = input;
    this.#input = input;
    this.connection = connection.facts;
    this.refusal = facts.refusal;
    this.protocol = facts.protocol;
    this.method = message.method ?? '';
    this.target = facts.target;
    this.authority = facts.authority;
    this.hostFields = facts.hostFields;
    this.body = facts.body;
    this.#watch = new BodyWatch(input.deps, {
      bodyStalled: () => this.#watcher?.bodyStalled(),
      responseStalled: () => this.reset(),
    });
    connection.began(this);
    // Node tells of a vanished client by errors here too; 'close' is what counts.
    message.on('error', () => undefined);
    response.on('error', () => undefined);
    response.on('drain', () => this.socketDrained());
    response.once('finish', () => {
      this.#finished = true;
    });
    response.once('close', () => this.#close());
  }

  readonly header = (name: string): string | undefined => readHeader(this.#input.message, name);
  readonly headSize = (): HeadSize => this.#input.facts.size;
  readonly bytesIn = (): number => this.#bytesIn;
  readonly bytesOut = (): number => this.#bytesOut;

  readonly upstreamHeaders = (edits: HeaderEdits): RawHeaders =>
    applyEdits(this.#input.message.rawHeaders, hostEdits(this.#input.facts, edits));

  readonly forward = ({ upstream, target, edits, listener, ...request }: ForwardInput): UpstreamCall => {
    if (request.isConversation) this.#watch.answering();
    return upstream.request(
      target,
      {
        ...request,
        method: this.method,
        target: this.target,
        headers: this.upstreamHeaders(edits),
        body: this.body,
      },
      listener,
    );
  };

  readonly watch = (watcher: ExchangeWatcher): void => {
    this.#watcher = watcher;
  };

  readonly readBody = (reader: BodyReader): void => {
    const { message, response, expectsContinue } = this.#input;
    this.#reader = reader;
    if (expectsContinue && !response.headersSent) response.writeContinue();
    message.on('data', (chunk: Buffer) => {
      this.#bytesIn += chunk.length;
      this.#watch.received(chunk.length);
      this.#reader?.data(chunk);
    });
    message.on('end', () => {
      this.#watch.notReading();
      this.#reader?.end(message.rawTrailers);
    });
    this.#watch.reading();
  };

  readonly pauseBody = (): void => {
    this.#watch.notReading();
    this.#input.message.pause();
  };

  readonly resumeBody = (): void => {
    const { message } = this.#input;
    if (this.#reader === null || message.readableEnded) return;
    // Complete is what the parser has seen, which may wait to be read still; then the client owes nothing.
    if (!message.complete) this.#watch.reading();
    message.resume();
  };

  readonly reply = (reply: Reply): void => {
    const { response, connection } = this.#input;
    if (this.#closed || response.headersSent) return;
    const length = Buffer.byteLength(reply.body);
    if (reply.close || this.#leavesMuchUnread()) connection.markClosing();
    this.#decideOnClose();
    const fields = [...reply.headers, 'Content-Length', String(length)];
    response.writeHead(reply.status, STATUS_CODES[reply.status] ?? '', fields);
    if (this.method !== 'HEAD') this.#bytesOut += length;
    response.end(this.method === 'HEAD' ? undefined : Buffer.from(reply.body));
    this.#discardBody();
  };

  readonly informational = (status: number, headers: RawHeaders): void => {
    const { response, connection } = this.#input;
    if (this.#closed || response.headersSent) return;
    // node:http writes only those that it knows, and only the fields that it knows for them.
    connection.socket.write(interimHead(status, headers), 'latin1');
  };

  readonly head = (head: UpstreamResponseHead, edits: HeaderEdits): void => {
    const { response } = this.#input;
    if (this.#closed || response.headersSent) return;
    this.#decideOnClose();
    this.#watch.answering();
    response.writeHead(head.status, head.statusMessage, fieldsOf(head, edits));
    // After this turn: mostly the first body bytes come in it, and one write carries both.
    queueMicrotask(() => {
      // Not `flushHeaders`, which writes a head as UTF-8.
      if (!this.#closed && !response.writableEnded) response.write('', 'latin1');
    });
  };

  readonly write = (chunk: Buffer): boolean => {
    if (this.#closed) return true;
    this.#bytesOut += chunk.length;
    if (this.#input.response.write(Buffer.from(chunk))) return true;
    this.#watch.stuck();
    return false;
  };

  readonly end = (trailers: RawHeaders): void => {
    const { response, connection } = this.#input;
    if (this.#closed) return;
    if (trailers.length > 0 && response.chunkedEncoding) response.addTrailers(pairsOf(trailers));
    const isUnread = this.#leavesMuchUnread();
    if (isUnread) connection.markClosing();
    response.end(isUnread ? () => connection.closeSoon() : undefined);
    this.#discardBody();
  };

  readonly reset = (): void => {
    if (this.#closed) return;
    this.#input.connection.cut();
    this.#close();
  };

  readonly openTunnel = (): Tunnel => {
    throw new Error('Not an upgrade');
  };

  isBodyComplete(): boolean {
    return this.#input.message.complete;
  }

  bodyMalformed(reason: string): void {
    const { connection, response } = this.#input;
    connection.markClosing();
    // Answered already: that answer stands.
    if (this.#closed || response.writableEnded) connection.closeDiscarding();
    else this.#watcher?.bodyMalformed(reason);
  }

  socketDrained(): void {
    this.#watch.unstuck();
    this.#watcher?.drain();
  }

  socketClosed(): void {
    this.#close();
  }

  /** More than is worth reading for the sake of the connection. */
  #leavesMuchUnread(): boolean {
    const { message, facts, deps, expectsContinue } = this.#input;
    if (message.complete || facts.body.kind === 'none') return false;
    if (facts.body.kind === 'chunked' || (expectsContinue && this.#reader === null)) return true;
    return facts.body.bytes - this.#bytesIn > deps.limits.heldBodyBytesMax;
  }

  #decideOnClose(): void {
    const { response, connection } = this.#input;
    if (connection.mustClose) response.shouldKeepAlive = false;
    else if (!response.shouldKeepAlive) connection.markClosing();
  }

  #discardBody(): void {
    const { message } = this.#input;
    this.#watch.notReading();
    this.#reader = null;
    if (!message.complete) message.resume();
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#watch.close();
    this.#reader = null;
    this.#input.connection.ended(this);
    this.#watcher?.closed(this.#finished ? 'finished' : 'aborted');
  }
}
