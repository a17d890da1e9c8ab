// One request of the fast lane on its way to an instance: the head that policy has edited goes out as text, body data
// is framed by us, and the response's body flows into the client's output without passing through policy.
import type { ResponseHead } from '../../h1/response-head.ts';
import type { ForwardInput } from '../../pipeline/exchange.ts';
import type {
  RawHeaders,
  UpstreamBody,
  UpstreamCall,
  UpstreamFailure,
  UpstreamListener,
  UpstreamResponseHead,
  UpstreamWireClient,
} from '../../upstream/index.ts';
import type { WireCall, WireRequest, WireSink } from '../../upstream/wire.types.ts';
import { fieldLines } from '../../headers/header-edits.ts';

/** The lane's side: where the response goes. */
export interface ForwardOwner {
  /** The head that the listener is being told: what `Exchange.head` writes. */
  responseHead: ReceivedHead | null;
  readonly responseBody: (buffer: Buffer, start: number, end: number, call: WireCall) => void;
  /** All that was read at once was passed on. False: the client is behind, read no further. */
  readonly responsePause: () => boolean;
  /** The bytes given to the last `write` are still referred to. */
  readonly requestBytesHeld: () => void;
}

export interface FastForwardInput {
  readonly client: UpstreamWireClient;
  readonly request: ForwardInput;
  readonly owner: ForwardOwner;
  /** Written from the parsed request; ends with the empty line. */
  readonly head: string;
  readonly toHead: boolean;
  readonly body: UpstreamBody;
}

export class FastForward implements UpstreamCall, WireRequest, WireSink {
  readonly head: string;
  readonly toHead: boolean;
  readonly hasBody: boolean;
  readonly replayable: boolean;
  readonly connectTimeoutMs: number;
  readonly headTimeoutMs: number;
  readonly bodyIdleTimeoutMs: number;
  readonly #listener: UpstreamListener;
  readonly #owner: ForwardOwner;
  readonly #chunked: boolean;
  readonly #wire: WireCall;
  #requestEnded = false;
  #paused = false;

  constructor(input: FastForwardInput) {
    const { request, body } = input;
    this.head = input.head;
    this.toHead = input.toHead;
    this.hasBody = body.kind !== 'none';
    this.replayable = request.replayable;
    this.connectTimeoutMs = request.connectTimeoutMs;
    this.headTimeoutMs = request.headTimeoutMs;
    this.bodyIdleTimeoutMs = request.bodyIdleTimeoutMs;
    this.#listener = request.listener;
    this.#owner = input.owner;
    this.#chunked = body.kind === 'chunked';
    this.#wire = input.client.send(request.target, this, this);
  }

  write(chunk: Buffer): boolean {
    if (this.#requestEnded || chunk.length === 0) return true;
    if (this.#chunked) return this.#wire.write(frameChunk(chunk));
    const flowing = this.#wire.write(chunk);
    if (this.#wire.bufferedBytes() > 0) this.#owner.requestBytesHeld();
    return flowing;
  }

  end(trailers: RawHeaders = []): void {
    if (this.#requestEnded) return;
    this.#requestEnded = true;
    if (this.#chunked) this.#wire.write(Buffer.from(`0\r\n${fieldLines(trailers)}\r\n`, 'latin1'));
    this.#wire.end();
  }

  pause(): void {
    this.#paused = true;
    this.#wire.pause();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#wire.resume();
  }

  setIdleTimeout(milliseconds: number): void {
    this.#wire.setIdleTimeout(milliseconds);
  }

  abort(): void {
    this.#wire.abort();
  }

  wireReady(): void {
    this.#listener.ready();
  }

  wireInterim(head: ResponseHead, buffer: Buffer): void {
    this.#listener.informational(head.status, head.fields.toRawHeaders(buffer));
  }

  wireHead(head: ResponseHead, buffer: Buffer): void {
    const received = new ReceivedHead(head, buffer);
    this.#owner.responseHead = received;
    this.#listener.head(received);
    this.#owner.responseHead = null;
  }

  wireBody(buffer: Buffer, start: number, end: number): void {
    this.#owner.responseBody(buffer, start, end, this.#wire);
  }

  wirePause(): void {
    if (!this.#owner.responsePause()) this.pause();
  }

  wireEnded(trailers: RawHeaders): void {
    this.#listener.end(trailers);
  }

  wireFailed(failure: UpstreamFailure): void {
    this.#listener.fail(failure);
  }

  wireDrained(): void {
    this.#listener.drain();
  }
}

/** A response head as policy sees it; what policy does not ask for is never made. Valid while it is told. */
export class ReceivedHead implements UpstreamResponseHead {
  readonly head: ResponseHead;
  readonly buffer: Buffer;

  constructor(head: ResponseHead, buffer: Buffer) {
    this.head = head;
    this.buffer = buffer;
  }

  get status(): number {
    return this.head.status;
  }

  get statusMessage(): string {
    return this.head.reasonPhrase(this.buffer);
  }

  get headers(): RawHeaders {
    return this.head.fields.toRawHeaders(this.buffer);
  }

  get body(): UpstreamBody {
    const { bodyKind, contentLength } = this.head;
    if (bodyKind === 'none') return { kind: 'none' };
    return bodyKind === 'sized' ? { kind: 'sized', bytes: contentLength } : { kind: 'chunked' };
  }

  field(name: string): string | undefined {
    return this.head.fields.find(this.buffer, name);
  }
}

const lineEnd = Buffer.from('\r\n', 'latin1');

function frameChunk(chunk: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${chunk.length.toString(16)}\r\n`, 'latin1'), chunk, lineEnd]);
}
