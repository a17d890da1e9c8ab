// One HTTP/2 stream as an Exchange: Node's stream on the client's side, the wire face of the upstream client on the
// app's. Decides nothing.
import { constants, type ServerHttp2Stream } from 'node:http2';
import type { HeaderEdits } from '../../headers/header-edits.ts';
import type {
  BodyReader,
  ConnectionFacts,
  Exchange,
  ExchangeWatcher,
  ForwardInput,
  HeadSize,
  Reply,
  Tunnel,
  TunnelListener,
  TunnelRequest,
} from '../../pipeline/exchange.ts';
import type { RawHeaders, UpstreamBody, UpstreamCall, UpstreamResponseHead } from '../../upstream/index.ts';
import { writeRequestHead } from '../../upstream/request-head.ts';
import { FastForward, type ForwardOwner, type ReceivedHead } from '../fast/fast-forward.ts';
import { BodyWatch } from '../general/body-watch.ts';
import { requestFields, responseFields } from './field-lists.ts';
import type { Seat } from '../../in-flight/roll.ts';
import type { Http2Connection, Http2Tenant } from './http2-connection.ts';
import type { Http2LaneParts } from './http2-lane-parts.ts';
import { type FieldSection, headSizeOf, readRequestFacts, type RequestFacts } from './request-facts.ts';
import { RequestStream } from './request-stream.ts';
import { cancelStream } from '../../h2/stream-endings.ts';
import { ResponseStream } from './response-stream.ts';
import { StreamTunnel } from './stream-tunnel.ts';

/** Statuses that HTTP/2 can carry as a final response; Node refuses others. */
const finalStatusMax = 599;

export interface Http2ExchangeInput {
  readonly stream: ServerHttp2Stream;
  readonly section: FieldSection;
  readonly connection: Http2Connection;
  readonly parts: Http2LaneParts;
}

export class Http2Exchange implements Exchange, ForwardOwner, Http2Tenant {
  readonly connection: ConnectionFacts;
  readonly protocol = 'HTTP/2';
  readonly method: string;
  readonly target: string;
  readonly plainPath = null;
  readonly authority: string | null;
  readonly hostFields: number;
  readonly body: UpstreamBody;
  readonly upgrade: RequestFacts['upgrade'];
  readonly refusal: Exchange['refusal'];
  responseHead: ReceivedHead | null = null;
  /** Clock ms of our last word on it; null before. */
  endedAt: number | null = null;
  readonly #input: Http2ExchangeInput;
  readonly #facts: RequestFacts;
  readonly #request: RequestStream;
  readonly #output: ResponseStream;
  readonly #seat: Seat<Http2Tenant>;
  #watcher: ExchangeWatcher | null = null;
  #watch: BodyWatch | null = null;
  #tunnelled = false;
  /** It ends early by our doing. */
  #isOurs = false;
  #tunnelBytesIn = 0;
  #tunnelBytesOut = 0;
  #closed = false;

  constructor(input: Http2ExchangeInput) {
    const { stream, section, connection } = input;
    const facts = readRequestFacts(section);
    this.#input = input;
    this.#facts = facts;
    this.connection = connection.facts;
    this.method = facts.method;
    this.target = facts.target;
    this.authority = facts.authority;
    this.hostFields = facts.authority === null ? 0 : 1;
    this.body = facts.body;
    this.upgrade = facts.upgrade;
    this.refusal = facts.refusal;
    this.#request = new RequestStream(stream, section.endsStream);
    this.#output = new ResponseStream(stream);
    stream.once('close', () => this.#close());
    this.#seat = connection.began(this);
  }

  watch(watcher: ExchangeWatcher): void {
    this.#watcher = watcher;
  }

  header(name: string): string | undefined {
    const value = this.#input.section.fields[name];
    return Array.isArray(value) ? value.join(', ') : value;
  }

  headSize(): HeadSize {
    return headSizeOf(this.#input.section.raw);
  }

  upstreamHeaders(edits: HeaderEdits): RawHeaders {
    return requestFields(this.#input.section.raw, this.authority, edits);
  }

  forward(request: ForwardInput): UpstreamCall {
    const { method, target, body } = this;
    const headers = this.upstreamHeaders(request.edits);
    const input = { ...request, method, target, headers, body };
    if (request.isConversation) this.#bodyWatch().answering();
    const head = request.target.protocol === 'h2c' ? null : writeRequestHead(input);
    // nghttp2 lets through nothing that cannot stand in a head of HTTP/1.1; if it did, the client's own way refuses it.
    if (head === null) return request.upstream.request(request.target, input, request.listener);
    const client = this.#input.parts.upstream;
    return new FastForward({ client, request, owner: this, head, toHead: method === 'HEAD', body });
  }

  readBody(reader: BodyReader): void {
    if (this.#facts.expectsContinue) this.#output.informational(100, []);
    const { connection } = this.#input;
    if (!this.#request.isEnded) this.#bodyWatch().reading();
    this.#request.read(reader, {
      received: (bytes) => {
        connection.moved(bytes);
        this.#watch?.received(bytes);
      },
      ended: () => this.#watch?.notReading(),
    });
  }

  pauseBody(): void {
    if (!this.#request.isBeingRead) return;
    this.#watch?.notReading();
    this.#request.pause();
  }

  resumeBody(): void {
    if (!this.#request.isBeingRead) return;
    this.#watch?.reading();
    this.#request.resume();
  }

  reply(reply: Reply): void {
    if (this.#closed || this.#output.isBegun) return;
    if (reply.close && this.connection.cordoned) this.#input.connection.closeSoon();
    const body = Buffer.from(reply.body);
    this.#output.begin(
      [':status', String(reply.status), ...reply.headers, 'content-length', String(body.length)],
      false,
    );
    if (this.method !== 'HEAD') this.#output.body(body);
    this.#finish([]);
  }

  informational(status: number, headers: RawHeaders): void {
    if (!this.#closed) this.#output.informational(status, headers);
  }

  head(head: UpstreamResponseHead, edits: HeaderEdits): void {
    if (this.#closed || this.#output.isBegun) return;
    if (head.status > finalStatusMax) throw new Error(`status ${head.status} cannot be sent over HTTP/2`);
    this.#watch?.answering();
    const isPassedOn = this.responseHead !== null;
    // An HTTP/2 app may send trailers after a body of any kind, or with a head that ends the response.
    const mayHaveTrailers = isPassedOn ? head.body.kind === 'chunked' : head.body.kind !== 'none';
    this.#output.begin(responseFields(head.status, head.headers, edits), mayHaveTrailers);
    // Where the lane passes the body on itself, the end of what was read at once follows in any case.
    if (!isPassedOn) setImmediate(() => this.#output.flush());
  }

  write(chunk: Buffer): boolean {
    if (this.#closed) return true;
    this.#output.body(Buffer.from(chunk));
    return this.responsePause();
  }

  end(trailers: RawHeaders): void {
    if (!this.#closed) this.#finish(trailers);
  }

  reset(): void {
    if (this.#closed) return;
    this.#isOurs = true;
    this.#output.reset();
  }

  openTunnel(request: TunnelRequest, listener: TunnelListener): Tunnel {
    return new StreamTunnel({
      stream: this.#input.stream,
      target: this.target,
      headers: this.upstreamHeaders(request.edits),
      request,
      listener: {
        answered: (status) => {
          this.#tunnelled = true;
          listener.answered(status);
        },
        failed: listener.failed,
      },
      deps: this.#input.parts.deps,
      clientBytes: (bytes) => {
        this.#tunnelBytesIn += bytes;
      },
      upstreamBytes: (bytes) => {
        this.#tunnelBytesOut += bytes;
      },
    });
  }

  bytesIn(): number {
    return this.#request.bytes + this.#tunnelBytesIn;
  }

  bytesOut(): number {
    return this.#output.bodyBytes + this.#tunnelBytesOut;
  }

  responseBody(buffer: Buffer, start: number, end: number): void {
    // The buffer is read into again; nghttp2 sends the bytes when the client's windows let it.
    if (!this.#closed) this.#output.body(Buffer.from(buffer.subarray(start, end)));
  }

  responsePause(): boolean {
    if (this.#closed) return true;
    this.#output.flush();
    if (!this.#output.isBlocked) return true;
    this.#bodyWatch().stuck();
    this.#input.stream.once('drain', () => {
      this.#watch?.unstuck();
      this.#watcher?.drain();
    });
    return false;
  }

  requestBytesHeld(): void {
    // Each chunk of a request body is a buffer of its own.
  }

  /** Ended by us so long ago, and not taken by the client. */
  cutUnread(): void {
    cancelStream(this.#input.stream);
  }

  #finish(trailers: RawHeaders): void {
    const { stream, connection, parts } = this.#input;
    this.endedAt = parts.deps.clock.now();
    this.#watch?.notReading();
    this.#request.discard();
    this.#output.end(trailers);
    connection.moved(this.bytesOut());
    // RFC 9113 §8.1: a whole response before the end of the request; the rest of that is not wanted.
    if (!this.#request.isEnded) stream.once('finish', () => stream.close(constants.NGHTTP2_NO_ERROR));
  }

  #bodyWatch(): BodyWatch {
    return (this.#watch ??= new BodyWatch(this.#input.parts.deps, {
      bodyStalled: () => this.#watcher?.bodyStalled(),
      responseStalled: () => this.cutUnread(),
    }));
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#watch?.close();
    this.#request.discard();
    const { stream, connection } = this.#input;
    const isWhole =
      this.#tunnelled || (this.endedAt !== null && stream.rstCode === constants.NGHTTP2_NO_ERROR);
    if (!isWhole && !this.#isOurs && this.endedAt === null) connection.aborted();
    connection.ended(this.#seat);
    this.#watcher?.closed(isWhole ? 'finished' : 'aborted');
  }
}
