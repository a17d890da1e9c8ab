// Turns what comes in on one client connection into heads and bodies, strictly one message after the other. Knows no
// deadline and no end of the connection.
import type { FastExchange } from './fast-exchange.ts';
import type { FastLaneParts } from './fast-lane-parts.ts';
import type { SocketReads } from '../socket-reads.ts';

export interface RequestOwner {
  /** What the next bytes are: `body` of `exchange`, `nothing` where they are of no use any more. */
  readonly expects: 'head' | 'body' | 'nothing';
  /** The body is read into the void. */
  readonly isDiscarding: boolean;
  readonly exchange: FastExchange | null;
  /** A head was recognised in `buffer` just now. */
  readonly headReceived: (buffer: Buffer) => void;
  /** The first bytes of a head have come, and more are due. */
  readonly headBegan: () => void;
  readonly refuse: (kind: 'malformed', cause: string) => void;
  /** Valid for all we know, but not canonical; these are all the bytes that are not used. */
  readonly headNotCanonical: (unread: Buffer) => void;
  readonly bodyMalformed: (exchange: FastExchange) => void;
  readonly bodyCompleted: () => void;
}

const byteLf = 0x0a;

export class RequestReader {
  readonly #parts: FastLaneParts;
  readonly #reads: SocketReads;
  readonly #owner: RequestOwner;
  #taking = false;

  constructor(parts: FastLaneParts, reads: SocketReads, owner: RequestOwner) {
    this.#parts = parts;
    this.#reads = reads;
    this.#owner = owner;
  }

  /** Bytes are being used at this moment: whoever changes what is expected need not ask for more. */
  get isTaking(): boolean {
    return this.#taking;
  }

  take(buffer: Buffer, start: number, end: number): void {
    let position = start;
    this.#taking = true;
    while (position < end) {
      const next = this.#takeSome(buffer, position, end);
      if (next === position) break;
      position = next;
    }
    this.#taking = false;
  }

  /** Returns the position after what was used, `start` where none can be used now. */
  #takeSome(buffer: Buffer, start: number, end: number): number {
    const { expects } = this.#owner;
    if (expects === 'head') return this.#takeHead(buffer, start, end);
    return expects === 'body' ? this.#takeBody(buffer, start, end) : end;
  }

  #takeHead(arrived: Buffer, from: number, to: number): number {
    let buffer = arrived;
    let start = from;
    let end = to;
    const { held } = this.#reads;
    if (held !== null) {
      const piece = arrived.subarray(from, to);
      buffer = Buffer.concat([held, piece]);
      start = 0;
      end = buffer.length;
      this.#reads.held = buffer;
      // Only a line end can complete a head: a drip of octets is not scanned over and over.
      if (end <= this.#parts.deps.limits.headBytesMax && !piece.includes(byteLf)) return to;
      this.#reads.held = null;
    }
    const { requestHead } = this.#parts;
    const outcome = requestHead.recognise(buffer, start, end);
    if (outcome === 'recognised') {
      const { headEnd } = requestHead;
      this.#owner.headReceived(buffer);
      // Bytes of an earlier read were joined to these: what follows the head is all in these.
      return to - (end - headEnd);
    }
    if (outcome === 'incomplete') {
      this.#reads.held = Buffer.from(buffer.subarray(start, end));
      if (held === null) this.#owner.headBegan();
    } else if (outcome === 'refused') this.#owner.refuse('malformed', requestHead.reason);
    else this.#owner.headNotCanonical(buffer.subarray(start, end));
    return to;
  }

  #takeBody(buffer: Buffer, start: number, end: number): number {
    const { exchange, isDiscarding } = this.#owner;
    const body = exchange?.requestBody ?? null;
    const isWanted = body !== null && (body.hasReader || isDiscarding);
    if (exchange === null || body === null || body.state !== 'due' || !isWanted) {
      this.#reads.hold(buffer, start, end);
      return end;
    }
    // What lies in the shared buffer is overwritten by the next read of any connection.
    const isShared = buffer === this.#parts.deps.reads.shared && body.hasReader;
    const next = isShared
      ? start + exchange.takeBody(Buffer.from(buffer.subarray(start, end)), 0, end - start)
      : exchange.takeBody(buffer, start, end);
    if (exchange.requestBody?.state === 'malformed') {
      this.#owner.bodyMalformed(exchange);
      return end;
    }
    if (exchange.requestBody?.state === 'complete') {
      this.#reads.shareBuffer();
      this.#owner.bodyCompleted();
    }
    return next;
  }
}
