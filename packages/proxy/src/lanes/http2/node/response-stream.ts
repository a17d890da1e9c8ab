// The response side of one HTTP/2 stream: head and first body bytes are kept until all that came at once is there, so
// that a small response is one pass through nghttp2, trailers known. Knows no upstream and no policy.
import type { ServerHttp2Stream } from 'node:http2';
import { fieldRecord } from '../../../h2/field-record.ts';
import { resetStream } from '../../../h2/stream-endings.ts';
import type { RawHeaders } from '../../../upstream/index.ts';

interface PendingHead {
  readonly fields: string[];
  /** Trailers may follow a body whose length was not announced. */
  readonly mayHaveTrailers: boolean;
}

export class ResponseStream {
  /** Data octets of the body given so far. */
  bodyBytes = 0;
  readonly #stream: ServerHttp2Stream;
  #pending: PendingHead | null = null;
  #body: Buffer | null = null;
  #keepsOpen = false;
  #ended = false;

  constructor(stream: ServerHttp2Stream) {
    this.#stream = stream;
  }

  get isBegun(): boolean {
    return this.#pending !== null || this.#stream.headersSent;
  }

  get isEnded(): boolean {
    return this.#ended;
  }

  /** More was given than the stream takes at once. */
  get isBlocked(): boolean {
    return this.#stream.writableNeedDrain;
  }

  /** 1xx; nothing where the stream is gone. */
  informational(status: number, headers: RawHeaders): void {
    if (this.isBegun || !this.#isOpen()) return;
    this.#stream.additionalHeaders({ ...fieldRecord(headers), ':status': status });
  }

  /** `fields` begins with `:status`; it is the stream's from here on. */
  begin(fields: string[], mayHaveTrailers: boolean): void {
    this.#pending = { fields, mayHaveTrailers };
  }

  /** The bytes must stay unchanged from here on. */
  body(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.bodyBytes += bytes.length;
    this.#body = this.#body === null ? bytes : Buffer.concat([this.#body, bytes]);
  }

  /** Sends what is kept. */
  flush(): void {
    if (!this.#isOpen()) return;
    if (this.#pending !== null) this.#respond(this.#pending.mayHaveTrailers, false);
    const body = this.#body;
    this.#body = null;
    if (body !== null) this.#stream.write(body);
  }

  end(trailers: RawHeaders): void {
    if (this.#ended) return;
    this.#ended = true;
    if (!this.#isOpen()) return;
    const body = this.#body;
    this.#body = null;
    if (this.#pending !== null) {
      const isWhole = body === null && trailers.length === 0;
      this.#respond(trailers.length > 0, isWhole);
      if (isWhole) return;
    }
    if (this.#keepsOpen && trailers.length > 0) {
      this.#stream.once('wantTrailers', () => {
        if (this.#isOpen()) this.#stream.sendTrailers(fieldRecord(trailers));
      });
    }
    if (body === null) this.#stream.end();
    else this.#stream.end(body);
  }

  /** RST_STREAM with INTERNAL_ERROR: the client notices that the response is not whole. */
  reset(): void {
    resetStream(this.#stream);
  }

  #respond(waitForTrailers: boolean, endStream: boolean): void {
    const fields = this.#pending?.fields ?? [];
    this.#pending = null;
    this.#keepsOpen = waitForTrailers;
    this.#stream.respond(fields, { waitForTrailers, endStream });
  }

  #isOpen(): boolean {
    return !this.#stream.destroyed && !this.#stream.closed;
  }
}
