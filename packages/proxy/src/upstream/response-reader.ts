// Reads the responses of one upstream connection from whatever pieces arrive: interim heads, the head, the body to
// its proper end. Knows no socket, pool or deadline; what it cannot read for certain is malformed.
import { ChunkScanner } from '../h1/chunk-scanner.ts';
import type { ResponseHead } from '../h1/response-head.ts';
import type { UpstreamLimits } from './limits.ts';
import type { RawHeaders } from './upstream.types.ts';

const byteLf = 0x0a;
const switchingProtocols = 101;

type ReaderState = 'head' | 'sized' | 'chunked' | 'untilClose' | 'done' | 'failed';

export interface ResponseReceiver {
  /** 1xx other than 101. The bytes and the head are valid during the call only; so for the others. */
  readonly interimReceived: (head: ResponseHead, buffer: Buffer) => void;
  readonly headReceived: (head: ResponseHead, buffer: Buffer) => void;
  readonly bodyReceived: (buffer: Buffer, start: number, end: number) => void;
  /** `unexpectedBytes`: more came than the response; the connection is of no further use. */
  readonly responseEnded: (trailers: RawHeaders, unexpectedBytes: boolean) => void;
  readonly responseMalformed: (reason: string) => void;
}

const noTrailers: RawHeaders = Object.freeze([]);

export class ResponseReader {
  readonly #receiver: ResponseReceiver;
  readonly #limits: UpstreamLimits;
  readonly #head: ResponseHead;
  readonly #chunks = new ChunkScanner();
  #state: ReaderState = 'done';
  #toHead = false;
  #remaining = 0;
  #interims = 0;
  #held: Buffer | null = null;
  #anyByte = false;

  /** `head` may be shared by all readers of a process: it is filled and told in one turn. */
  constructor(receiver: ResponseReceiver, head: ResponseHead, limits: UpstreamLimits) {
    this.#receiver = receiver;
    this.#head = head;
    this.#limits = limits;
  }

  /** A response is due; `toHead`: to a HEAD request. */
  begin(toHead: boolean): void {
    this.#state = 'head';
    this.#toHead = toHead;
    this.#interims = 0;
    this.#held = null;
    this.#anyByte = false;
  }

  /** Something of the response has come: the request was received. */
  get anyByte(): boolean {
    return this.#anyByte;
  }

  /** The receiver gave up: what still comes is ignored. */
  stop(): void {
    this.#state = 'done';
    this.#held = null;
  }

  push(buffer: Buffer, start: number, end: number): void {
    this.#anyByte = true;
    switch (this.#state) {
      case 'head':
        return this.#pushHead(buffer, start, end);
      case 'sized':
        return this.#pushSized(buffer, start, end);
      case 'chunked':
        return this.#pushChunked(buffer, start, end);
      case 'untilClose':
        return this.#receiver.bodyReceived(buffer, start, end);
      case 'done':
      case 'failed':
        return undefined;
    }
  }

  /** The app ended its side: the proper end of a body that lasts until then. False: the response is cut short. */
  endOfInput(): boolean {
    if (this.#state !== 'untilClose') return false;
    this.#end(noTrailers, false);
    return true;
  }

  #pushHead(arrived: Buffer, from: number, to: number): void {
    let buffer = arrived;
    let start = from;
    let end = to;
    if (this.#held !== null) {
      const piece = arrived.subarray(from, to);
      buffer = Buffer.concat([this.#held, piece]);
      start = 0;
      end = buffer.length;
      this.#held = buffer;
      // Only a line end can complete a head; without one there is nothing new to scan (bounds the work of a drip).
      if (end <= this.#limits.responseHeadBytesMax && !piece.includes(byteLf)) return;
      this.#held = null;
    }
    while (start < end && this.#state === 'head') start = this.#takeHead(buffer, start, end);
  }

  /** Takes one head; returns the position to go on from. */
  #takeHead(buffer: Buffer, start: number, end: number): number {
    const head = this.#head;
    head.toHead = this.#toHead;
    const outcome = head.recognise(buffer, start, end);
    if (outcome === 'malformed') return this.#fail(head.reason, end);
    if (outcome === 'incomplete') {
      this.#held = Buffer.from(buffer.subarray(start, end));
      return end;
    }
    if (head.status === switchingProtocols) return this.#fail('101 without a request to upgrade', end);
    if (head.status < 200) {
      this.#interims += 1;
      if (this.#interims > this.#limits.interimResponsesMax)
        return this.#fail('too many interim responses', end);
      const { headEnd } = head;
      this.#receiver.interimReceived(head, buffer);
      return headEnd;
    }
    this.#takeFinalHead(buffer, end);
    return end;
  }

  #takeFinalHead(buffer: Buffer, end: number): void {
    const head = this.#head;
    const { headEnd, bodyKind } = head;
    this.#remaining = bodyKind === 'sized' ? head.contentLength : 0;
    if (bodyKind === 'none') {
      // Told as one: the end comes in the same turn as the head.
      this.#receiver.headReceived(head, buffer);
      if (this.#state === 'head') this.#end(noTrailers, headEnd < end);
      return;
    }
    this.#state = bodyKind;
    if (bodyKind === 'chunked') this.#chunks.reset();
    this.#receiver.headReceived(head, buffer);
    if (headEnd < end && this.#state === bodyKind) this.push(buffer, headEnd, end);
  }

  #pushSized(buffer: Buffer, start: number, end: number): void {
    const available = end - start;
    if (available < this.#remaining) {
      this.#remaining -= available;
      this.#receiver.bodyReceived(buffer, start, end);
      return;
    }
    const bodyEnd = start + this.#remaining;
    this.#remaining = 0;
    this.#receiver.bodyReceived(buffer, start, bodyEnd);
    if (this.#state === 'sized') this.#end(noTrailers, bodyEnd < end);
  }

  #pushChunked(buffer: Buffer, start: number, end: number): void {
    const chunks = this.#chunks;
    let position = start;
    while (position < end && !chunks.done && !chunks.malformed && this.#state === 'chunked') {
      position = chunks.scan(buffer, position, end);
      if (chunks.dataEnd > chunks.dataStart) {
        this.#receiver.bodyReceived(buffer, chunks.dataStart, chunks.dataEnd);
      }
    }
    if (this.#state !== 'chunked') return;
    if (chunks.malformed) {
      this.#fail('chunked body', end);
      return;
    }
    if (chunks.done) this.#end(chunks.trailers(), position < end);
  }

  #end(trailers: RawHeaders, unexpectedBytes: boolean): void {
    this.#state = 'done';
    this.#receiver.responseEnded(trailers, unexpectedBytes);
  }

  #fail(reason: string, position: number): number {
    this.#state = 'failed';
    this.#receiver.responseMalformed(reason);
    return position;
  }
}
