// The request side of one HTTP/2 stream: its body and trailers as they come, read only when they are wanted. Knows no
// upstream and no policy.
import type { ServerHttp2Stream } from 'node:http2';
import type { BodyReader } from '../../../pipeline/exchange.ts';
import type { RawHeaders } from '../../../upstream/index.ts';

export class RequestStream {
  /** Data octets of the body read so far. */
  bytes = 0;
  readonly #stream: ServerHttp2Stream;
  #reader: BodyReader | null = null;
  #trailers: RawHeaders = [];
  #ended: boolean;

  constructor(stream: ServerHttp2Stream, endsWithHead: boolean) {
    this.#stream = stream;
    this.#ended = endsWithHead;
    if (endsWithHead) return;
    // Told when they come, which may be long before the body before them is read.
    stream.once('trailers', (_fields, _flags, raw?: RawHeaders) => {
      this.#trailers = raw ?? [];
    });
  }

  /** Nothing more comes. */
  get isEnded(): boolean {
    return this.#ended;
  }

  get isBeingRead(): boolean {
    return this.#reader !== null;
  }

  /** Once. `received` is told of each chunk before the reader is, `ended` of the end. */
  read(reader: BodyReader, events: RequestStreamEvents): void {
    if (this.#ended) {
      reader.end([]);
      return;
    }
    this.#reader = reader;
    this.#stream.on('data', (chunk: Buffer) => {
      this.bytes += chunk.length;
      events.received(chunk.length);
      this.#reader?.data(chunk);
    });
    this.#stream.once('end', () => {
      // A stream that was reset ends as well: what came is then not the whole body, and must not look like it.
      if (this.#stream.closed && this.#reader !== null) return;
      this.#ended = true;
      events.ended();
      const to = this.#reader;
      this.#reader = null;
      to?.end(this.#trailers);
    });
  }

  /** What still comes is read into the void. */
  discard(): void {
    this.#reader = null;
  }

  pause(): void {
    if (this.isBeingRead) this.#stream.pause();
  }

  resume(): void {
    if (this.isBeingRead) this.#stream.resume();
  }
}

export interface RequestStreamEvents {
  readonly received: (bytes: number) => void;
  readonly ended: () => void;
}
