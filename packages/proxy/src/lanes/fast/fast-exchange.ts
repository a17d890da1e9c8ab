// One request of the fast lane as an Exchange: what was received of it on one side, the client's output on the other.
// Decides nothing.
import { STATUS_CODES } from 'node:http';
import type { HeaderEdits } from '../../headers/header-edits.ts';
import { fieldLines } from '../../headers/header-edits.ts';
import type {
  BodyReader,
  ConnectionFacts,
  Exchange,
  ExchangeWatcher,
  ForwardInput,
  Reply,
  Tunnel,
} from '../../pipeline/exchange.ts';
import { interimHead } from '../../replies/interim-head.ts';
import type { RawHeaders, UpstreamCall, UpstreamResponseHead } from '../../upstream/index.ts';
import type { WireCall } from '../../upstream/wire.types.ts';
import { BodyWatch } from '../general/body-watch.ts';
import type { FastConnection } from './fast-connection.ts';
import { FastForward, type ForwardOwner, type ReceivedHead } from './fast-forward.ts';
import { forwardAsList } from './list-forward.ts';
import { clientHead, clientHeadOfLists } from './message-heads.ts';
import type { FastLaneParts } from './fast-lane-parts.ts';
import { ReceivedRequest } from './received-request.ts';
import { RequestBody } from './request-body.ts';
import { ResponseOutput } from './response-output.ts';

export class FastExchange extends ReceivedRequest implements Exchange, ForwardOwner {
  readonly connection: ConnectionFacts;
  /** Null where none is due. */
  readonly requestBody: RequestBody | null;
  responseHead: ReceivedHead | null = null;
  readonly #owner: FastConnection;
  readonly #output: ResponseOutput;
  #watcher: ExchangeWatcher | null = null;
  #watch: BodyWatch | null = null;
  #headWritten = false;
  #ended = false;
  #closed = false;

  /** The head was recognised in `buffer` just now. */
  constructor(owner: FastConnection, parts: FastLaneParts, buffer: Buffer) {
    super(parts, buffer);
    this.#owner = owner;
    this.connection = owner.facts;
    this.requestBody = parts.requestHead.hasBody ? new RequestBody(this.body) : null;
    this.#output = new ResponseOutput(owner.socket, owner.facts.tls);
  }

  get watcher(): ExchangeWatcher | null {
    return this.#watcher;
  }

  get isAnswered(): boolean {
    return this.#ended;
  }

  forward(request: ForwardInput): UpstreamCall {
    if (request.isConversation) this.#bodyWatch().answering();
    if (request.target.protocol === 'h2c') {
      const { method, target, body } = this;
      const headers = this.upstreamHeaders(request.edits);
      return forwardAsList({ request, method, target, headers, body });
    }
    const client = this.parts.upstream;
    const head = this.appHead(request.edits);
    const toHead = this.method === 'HEAD';
    return new FastForward({ client, request, owner: this, head, toHead, body: this.body });
  }

  watch(watcher: ExchangeWatcher): void {
    this.#watcher = watcher;
  }

  readBody(reader: BodyReader): void {
    const body = this.requestBody;
    if (body === null) {
      reader.end([]);
      return;
    }
    body.setReader(reader);
    this.#bodyWatch().reading();
    this.#owner.readBody();
  }

  pauseBody(): void {
    if (this.requestBody?.state !== 'due') return;
    this.#watch?.notReading();
    this.#owner.reads.pause();
  }

  resumeBody(): void {
    if (this.requestBody?.state !== 'due' || !this.requestBody.hasReader) return;
    this.#watch?.reading();
    this.#owner.reads.resume();
  }

  reply(reply: Reply): void {
    if (this.#closed || this.#headWritten) return;
    if (reply.close || this.#owner.leavesMuchUnread()) this.#owner.markClosing();
    const closes = this.#closes();
    const body = latin1Of(reply.body);
    const withBody = this.method !== 'HEAD';
    this.#headWritten = true;
    this.#output.gather(
      `HTTP/1.1 ${reply.status} ${STATUS_CODES[reply.status] ?? ''}\r\n${fieldLines(reply.headers)}` +
        `Date: ${this.parts.date.now()}\r\nContent-Length: ${body.length}\r\n` +
        `${closes ? 'Connection: close\r\n' : ''}\r\n${withBody ? body : ''}`,
    );
    if (withBody) this.#output.bodyBytes += body.length;
    this.#finish(closes);
  }

  informational(status: number, headers: RawHeaders): void {
    if (this.#closed || this.#headWritten) return;
    this.#output.gather(interimHead(status, headers));
    this.#output.flush();
  }

  head(head: UpstreamResponseHead, edits: HeaderEdits): void {
    if (this.#closed || this.#headWritten) return;
    this.#headWritten = true;
    this.#watch?.answering();
    const received = this.responseHead;
    const { drops, date } = this.parts;
    const closes = this.#closes();
    if (received === null) {
      this.#output.gather(clientHeadOfLists({ head, edits, date, closes }));
      if (head.body.kind === 'chunked') this.#output.frameInChunks();
      // Mostly the first body bytes come in this turn, and one write carries both.
      setImmediate(() => this.#flushOpen());
    } else {
      const { head: recognised, buffer } = received;
      this.#output.gather(clientHead({ head: recognised, buffer, edits, drops, date, closes }));
      const { bodyKind } = recognised;
      if (bodyKind === 'chunked' || bodyKind === 'untilClose') this.#output.frameInChunks();
    }
  }

  write(chunk: Buffer): boolean {
    if (this.#closed) return true;
    this.#output.body(Buffer.from(chunk), 0, chunk.length, { keepBuffer: () => undefined });
    return this.responsePause();
  }

  end(trailers: RawHeaders): void {
    if (this.#closed || this.#ended) return;
    if (this.#owner.leavesMuchUnread()) this.#owner.markClosing();
    this.#output.lastChunk(trailers.length === 0 ? '' : fieldLines(trailers));
    this.#finish(this.#closes());
  }

  reset(): void {
    if (this.#closed) return;
    this.#owner.cut();
    this.close('aborted');
  }

  openTunnel(): Tunnel {
    throw new Error('Not an upgrade');
  }

  bytesIn(): number {
    return this.requestBody?.bytes ?? 0;
  }

  bytesOut(): number {
    return this.#output.bodyBytes;
  }

  responseBody(buffer: Buffer, start: number, end: number, call: WireCall): void {
    if (!this.#closed) this.#output.body(buffer, start, end, call);
  }

  responsePause(): boolean {
    if (this.#closed) return true;
    this.#output.flush();
    if (!this.#output.isBlocked) return true;
    this.#bodyWatch().stuck();
    return false;
  }

  requestBytesHeld(): void {
    this.#owner.reads.keepBuffer();
  }

  /** Takes what belongs to the body, and watches its pace; returns the position after it. */
  takeBody(buffer: Buffer, start: number, end: number): number {
    const body = this.requestBody;
    if (body === null) return start;
    const before = body.bytes;
    const next = body.feed(buffer, start, end);
    this.#watch?.received(body.bytes - before);
    if (body.state !== 'due') this.#watch?.notReading();
    return next;
  }

  /** The client takes more. */
  drained(): void {
    this.#watch?.unstuck();
    if (this.#ended) this.close('finished');
    else this.#watcher?.drain();
  }

  /** Exactly once counts: the connection is free, and policy is told. */
  close(end: 'finished' | 'aborted'): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#watch?.close();
    this.requestBody?.setReader(null);
    this.#owner.exchangeEnded(this, end);
    this.#watcher?.closed(end);
  }

  #flushOpen(): void {
    if (!this.#closed) this.#output.flush();
  }

  #closes(): boolean {
    return this.clientCloses || this.#owner.mustClose;
  }

  #finish(closes: boolean): void {
    this.#ended = true;
    if (closes) this.#owner.markClosing();
    this.#watch?.notReading();
    this.requestBody?.setReader(null);
    this.#output.flush();
    // What the socket holds below its mark is as good as taken; above it the client is behind.
    if (this.#output.isBlocked) this.#bodyWatch().stuck();
    else this.close('finished');
  }

  #bodyWatch(): BodyWatch {
    return (this.#watch ??= new BodyWatch(this.parts.deps, {
      bodyStalled: () => this.#watcher?.bodyStalled(),
      responseStalled: () => this.reset(),
    }));
  }
}

/** The body as the octets of its UTF-8, one character each. */
function latin1Of(body: string): string {
  return Buffer.byteLength(body) === body.length ? body : Buffer.from(body, 'utf8').toString('latin1');
}
