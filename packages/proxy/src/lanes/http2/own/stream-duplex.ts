// A stream framed by us as a stream of octets both ways, for a tunnel (RFC 8441).
import { Duplex } from 'node:stream';
import type { TunnelStream } from '../client-stream.ts';
import type { ResponseBlocks } from './response-blocks.ts';
import type { ServerStream } from './server-stream.ts';

export class StreamDuplex extends Duplex implements TunnelStream {
  readonly #stream: ServerStream;
  readonly #blocks: ResponseBlocks;
  #isRead = false;
  #written: (() => void) | null = null;

  constructor(stream: ServerStream, blocks: ResponseBlocks) {
    super({ allowHalfOpen: true });
    this.#stream = stream;
    this.#blocks = blocks;
    // What ends it is told by 'close'; a tunnel hears of nothing else.
    this.on('error', () => undefined);
  }

  isOver(): boolean {
    return this.#stream.isClosed;
  }

  isClean(): boolean {
    return this.#stream.isClean;
  }

  answer(fields: string[]): void {
    this.#stream.beginWith(this.#blocks.list(fields));
  }

  finish(): void {
    if (this.writableFinished) this.#stream.stopRequest();
    else this.once('finish', () => this.#stream.stopRequest());
  }

  cancel(): void {
    this.#stream.cancel();
    this.destroy();
  }

  /** The client takes more. */
  drained(): void {
    const written = this.#written;
    this.#written = null;
    written?.();
  }

  /** The stream is closed. */
  over(): void {
    this.drained();
    // What came before its end is still read.
    if (this.readableEnded || !this.#stream.isClean) this.destroy();
    else this.once('end', () => this.destroy());
  }

  override _read(): void {
    if (this.#isRead) {
      this.#stream.resumeBody();
      return;
    }
    this.#isRead = true;
    this.#stream.readBody({
      data: (chunk) => {
        if (!this.push(chunk)) this.#stream.pauseBody();
      },
      end: () => void this.push(null),
    });
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, written: () => void): void {
    this.#stream.body(chunk, 0, chunk.length);
    if (this.#stream.flush()) written();
    else this.#written = written;
  }

  override _final(finished: () => void): void {
    this.#stream.end([]);
    finished();
  }

  override _destroy(error: Error | null, destroyed: (error: Error | null) => void): void {
    this.#stream.cancel();
    destroyed(error);
  }
}
