// One HTTP/2 stream as an Exchange: whoever frames it on the client's side, the wire face of the upstream client on the
// app's. Decides nothing.
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
import { FastForward, type ForwardOwner, type ReceivedHead } from '../fast/fast-forward.ts';
import { BodyWatch } from '../general/body-watch.ts';
import type { Seat } from '../../in-flight/roll.ts';
import type { ClientStream, StreamListener } from './client-stream.ts';
import { isFinalStatus } from './field-lists.ts';
import type { Http2Connection, Http2Tenant } from './http2-connection.ts';
import type { Http2LaneParts } from './http2-lane-parts.ts';
import type { RequestSection } from './request-section.ts';
import { StreamTunnel } from './stream-tunnel.ts';

const noEdits: HeaderEdits = { drop: new Set(), add: [] };

export interface Http2ExchangeInput {
  readonly stream: ClientStream;
  readonly section: RequestSection;
  /** The section ended the stream: there is no body. */
  readonly endsStream: boolean;
  readonly connection: Http2Connection;
  readonly parts: Http2LaneParts;
}

export class Http2Exchange implements Exchange, ForwardOwner, Http2Tenant, StreamListener {
  readonly connection: ConnectionFacts;
  readonly protocol = 'HTTP/2';
  readonly method: string;
  readonly target: string;
  readonly plainPath = null;
  readonly authority: string | null;
  readonly hostFields: number;
  readonly body: UpstreamBody;
  readonly upgrade: 'websocket' | null;
  readonly refusal: Exchange['refusal'];
  responseHead: ReceivedHead | null = null;
  /** Clock ms of our last word on it; null before. */
  endedAt: number | null = null;
  readonly #stream: ClientStream;
  readonly #section: RequestSection;
  readonly #owner: Http2Connection;
  readonly #parts: Http2LaneParts;
  readonly #seat: Seat<Http2Tenant>;
  #watcher: ExchangeWatcher | null = null;
  #watch: BodyWatch | null = null;
  #tunnelled = false;
  /** It ends early by our doing. */
  #isOurs = false;
  #tunnelBytesIn = 0;
  #tunnelBytesOut = 0;
  #closed = false;

  constructor({ stream, section, endsStream, connection, parts }: Http2ExchangeInput) {
    this.#stream = stream;
    this.#section = section;
    this.#owner = connection;
    this.#parts = parts;
    this.connection = connection.facts;
    this.method = section.method;
    this.target = section.target;
    this.authority = section.authority;
    this.hostFields = section.authority === null ? 0 : 1;
    this.body = section.body(endsStream);
    this.upgrade = section.upgrade;
    this.refusal = section.refusal;
    stream.listen(this);
    this.#seat = connection.began(this);
  }

  watch(watcher: ExchangeWatcher): void {
    this.#watcher = watcher;
  }

  header(name: string): string | undefined {
    return this.#section.header(name);
  }

  headSize(): HeadSize {
    return this.#section.headSize();
  }

  upstreamHeaders(edits: HeaderEdits): RawHeaders {
    return this.#section.upstreamHeaders(edits);
  }

  forward(request: ForwardInput): UpstreamCall {
    const { method, target, body } = this;
    if (request.isConversation) this.#bodyWatch().answering();
    if (request.target.protocol === 'h2c') {
      const headers = this.upstreamHeaders(request.edits);
      return request.upstream.request(
        request.target,
        { ...request, method, target, headers, body },
        request.listener,
      );
    }
    const head = this.#section.appHead(request.edits, body);
    const client = this.#parts.upstream;
    return new FastForward({ client, request, owner: this, head, toHead: method === 'HEAD', body });
  }

  readBody(reader: BodyReader): void {
    if (this.#section.expectsContinue) this.#stream.informational(100, []);
    if (!this.#stream.isRequestEnded) this.#bodyWatch().reading();
    this.#stream.readBody(reader);
  }

  pauseBody(): void {
    if (!this.#stream.isBeingRead) return;
    this.#watch?.notReading();
    this.#stream.pauseBody();
  }

  resumeBody(): void {
    if (!this.#stream.isBeingRead) return;
    this.#watch?.reading();
    this.#stream.resumeBody();
  }

  reply(reply: Reply): void {
    if (this.#closed || this.#stream.isResponseBegun) return;
    if (reply.close && this.connection.cordoned) this.#owner.closeSoon();
    const body = Buffer.from(reply.body);
    const headers = [...reply.headers, 'content-length', String(body.length)];
    const { status } = reply;
    this.#stream.begin({
      status,
      head: { headers },
      received: null,
      edits: noEdits,
      mayHaveTrailers: false,
    });
    if (this.method !== 'HEAD') this.#stream.body(body, 0, body.length);
    this.#finish([]);
  }

  informational(status: number, headers: RawHeaders): void {
    if (!this.#closed) this.#stream.informational(status, headers);
  }

  head(head: UpstreamResponseHead, edits: HeaderEdits): void {
    if (this.#closed || this.#stream.isResponseBegun) return;
    const { status } = head;
    if (!isFinalStatus(status)) throw new Error(`status ${status} cannot be sent over HTTP/2`);
    this.#watch?.answering();
    const received = this.responseHead;
    // An HTTP/2 app may send trailers after a body of any kind, or with a head that ends the response.
    const mayHaveTrailers = received === null ? head.body.kind !== 'none' : head.body.kind === 'chunked';
    this.#stream.begin({ status, head, received, edits, mayHaveTrailers });
    // Where the lane passes the body on itself, the end of what was read at once follows in any case.
    if (received === null) setImmediate(() => this.#stream.flush());
  }

  write(chunk: Buffer): boolean {
    if (this.#closed) return true;
    this.#stream.body(chunk, 0, chunk.length);
    return this.responsePause();
  }

  end(trailers: RawHeaders): void {
    if (!this.#closed) this.#finish(trailers);
  }

  reset(): void {
    if (this.#closed) return;
    this.#isOurs = true;
    this.#stream.reset();
  }

  openTunnel(request: TunnelRequest, listener: TunnelListener): Tunnel {
    return new StreamTunnel({
      stream: this.#stream.toDuplex(),
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
      deps: this.#parts.deps,
      clientBytes: (bytes) => {
        this.#tunnelBytesIn += bytes;
      },
      upstreamBytes: (bytes) => {
        this.#tunnelBytesOut += bytes;
      },
    });
  }

  bytesIn(): number {
    return this.#tunnelled ? this.#tunnelBytesIn : this.#stream.bytesIn;
  }

  bytesOut(): number {
    return this.#tunnelled ? this.#tunnelBytesOut : this.#stream.bytesOut;
  }

  responseBody(buffer: Buffer, start: number, end: number): void {
    if (!this.#closed) this.#stream.body(buffer, start, end);
  }

  responsePause(): boolean {
    if (this.#closed || this.#stream.flush()) return true;
    this.#bodyWatch().stuck();
    return false;
  }

  requestBytesHeld(): void {
    // Each chunk of a request body is a buffer of its own.
  }

  bodyReceived(bytes: number): void {
    this.#owner.moved(bytes);
    this.#watch?.received(bytes);
  }

  bodyEnded(): void {
    this.#watch?.notReading();
  }

  drained(): void {
    this.#watch?.unstuck();
    this.#watcher?.drain();
  }

  closed(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#watch?.close();
    const isWhole = this.#tunnelled || (this.endedAt !== null && this.#stream.isClean);
    if (!isWhole && !this.#isOurs && this.endedAt === null) this.#owner.aborted();
    this.#owner.ended(this.#seat);
    this.#watcher?.closed(isWhole ? 'finished' : 'aborted');
  }

  /** Ended by us so long ago, and not taken by the client. */
  cutUnread(): void {
    this.#stream.cancel();
  }

  #finish(trailers: RawHeaders): void {
    this.endedAt = this.#parts.deps.clock.now();
    this.#watch?.notReading();
    this.#stream.discardBody();
    this.#owner.moved(this.bytesOut());
    this.#stream.end(trailers);
    if (!this.#stream.isRequestEnded) this.#stream.stopRequest();
  }

  #bodyWatch(): BodyWatch {
    return (this.#watch ??= new BodyWatch(this.#parts.deps, {
      bodyStalled: () => this.#watcher?.bodyStalled(),
      responseStalled: () => this.cutUnread(),
    }));
  }
}
