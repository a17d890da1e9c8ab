// The body of one request as it comes off the connection: its framing checked and taken off, its data passed on.
// Knows no socket and no policy.
import { ChunkScanner } from '../../h1/chunk-scanner.ts';
import type { UpstreamBody } from '../../upstream/upstream.types.ts';
import type { BodyReader } from '../../pipeline/exchange.ts';

export type BodyState = 'due' | 'complete' | 'malformed';

export class RequestBody {
  state: BodyState = 'due';
  /** Data octets so far. */
  bytes = 0;
  /** Octets of a sized body still to come. */
  remaining: number;
  readonly #chunks: ChunkScanner | null;
  #reader: BodyReader | null = null;

  constructor(body: UpstreamBody) {
    this.remaining = body.kind === 'sized' ? body.bytes : 0;
    this.#chunks = body.kind === 'chunked' ? new ChunkScanner() : null;
  }

  /** Null: from now on the body is read into the void. */
  setReader(reader: BodyReader | null): void {
    this.#reader = reader;
  }

  get hasReader(): boolean {
    return this.#reader !== null;
  }

  get isChunked(): boolean {
    return this.#chunks !== null;
  }

  /** More than `bytesMax` is still to come, for all we know. */
  isMuchUnread(bytesMax: number): boolean {
    if (this.state === 'complete') return false;
    return this.state === 'malformed' || this.isChunked || this.remaining > bytesMax;
  }

  /** Takes what belongs to the body; returns the position after it. */
  feed(buffer: Buffer, start: number, end: number): number {
    return this.#chunks === null
      ? this.#feedSized(buffer, start, end)
      : this.#feedChunked(this.#chunks, buffer, { start, end });
  }

  #feedSized(buffer: Buffer, start: number, end: number): number {
    const taken = Math.min(end - start, this.remaining);
    this.remaining -= taken;
    if (this.remaining === 0) this.state = 'complete';
    this.#pass(buffer, start, start + taken);
    if (this.state === 'complete') this.#finish([]);
    return start + taken;
  }

  #feedChunked(chunks: ChunkScanner, buffer: Buffer, { start, end }: { start: number; end: number }): number {
    let position = start;
    while (position < end && !chunks.done && !chunks.malformed) {
      position = chunks.scan(buffer, position, end);
      if (chunks.dataEnd > chunks.dataStart) this.#pass(buffer, chunks.dataStart, chunks.dataEnd);
    }
    if (chunks.malformed) this.state = 'malformed';
    if (chunks.done) {
      this.state = 'complete';
      this.#finish(chunks.trailers());
    }
    return position;
  }

  #pass(buffer: Buffer, start: number, end: number): void {
    if (end === start) return;
    this.bytes += end - start;
    this.#reader?.data(buffer.subarray(start, end));
  }

  #finish(trailers: readonly string[]): void {
    const reader = this.#reader;
    this.#reader = null;
    reader?.end(trailers);
  }
}
