// The body of one request as its DATA frames come: counted against the window and against Content-Length, kept until it is
// wanted, read on demand, and credit given back as it is used (RFC 9113 §5.2, §6.9, §8.1.1). Knows no session.
import { errorCode } from '../../../h2/codes.ts';
import type { BodyReader } from '../../../pipeline/exchange.ts';
import type { RawHeaders } from '../../../upstream/index.ts';
import { HeldBytes } from './held-bytes.ts';

export interface BodyInputEvents {
  readonly received: (bytes: number) => void;
  readonly ended: () => void;
  /** The client may send so much more. */
  readonly credit: (bytes: number) => void;
}

export interface BodyInputSpec {
  /** Octets that the client may send unasked. */
  readonly windowBytes: number;
  /** As told; null where it was not. */
  readonly length: number | null;
  readonly events: BodyInputEvents;
}

export class BodyInput {
  /** Data octets so far. */
  bytes = 0;
  /** END_STREAM was seen. */
  hasAllCome = false;
  readonly #length: number | null;
  readonly #events: BodyInputEvents;
  /** What the client may have under way at most. */
  #windowMost: number;
  #window: number;
  #unreturned = 0;
  readonly #held = new HeldBytes();
  #reader: BodyReader | null = null;
  #isPaused = false;
  #isDiscarded = false;
  #isTold = false;
  #trailers: RawHeaders = [];

  constructor({ windowBytes, length, events }: BodyInputSpec) {
    this.#window = windowBytes;
    this.#windowMost = windowBytes;
    this.#length = length;
    this.#events = events;
  }

  /** All of it was read. */
  get isEnded(): boolean {
    return this.#isTold;
  }

  get isBeingRead(): boolean {
    return this.#reader !== null;
  }

  /** Our SETTINGS hold now; the window may be negative for a while (RFC 9113 §6.9.2). */
  widen(bytes: number): void {
    this.#window += bytes;
    this.#windowMost += bytes;
  }

  /** One DATA frame: its data, and the octets it took with its padding. An error code where the client went too far. */
  take(buffer: Buffer, start: number, end: number, flowBytes: number): number {
    this.#window -= flowBytes;
    // RFC 9113 §6.9.1: what has no octets needs no window.
    if (flowBytes > 0 && this.#window < 0) return errorCode.flowControlError;
    const bytes = end - start;
    this.bytes += bytes;
    if (this.#length !== null && this.bytes > this.#length) return errorCode.protocolError;
    if (this.#isDiscarded) return errorCode.noError;
    this.#used(flowBytes - bytes);
    if (bytes === 0) return errorCode.noError;
    if (this.#reader === null || this.#isPaused || !this.#held.isEmpty) this.#held.add(buffer, start, end);
    else this.#tell(this.#reader, Buffer.from(buffer.subarray(start, end)));
    return errorCode.noError;
  }

  /** END_STREAM. An error code where the body is shorter than told. */
  end(trailers: RawHeaders): number {
    if (this.#length !== null && this.bytes < this.#length) return errorCode.protocolError;
    this.hasAllCome = true;
    this.#trailers = trailers;
    this.#go();
    return errorCode.noError;
  }

  read(reader: BodyReader): void {
    this.#reader = reader;
    this.#go();
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#go();
  }

  /** What still comes is nobody's; no credit is given for it. */
  discard(): void {
    this.#isDiscarded = true;
    this.#reader = null;
    this.#held.clear();
  }

  #go(): void {
    while (this.#reader !== null && !this.#isPaused) {
      const chunk = this.#held.take();
      if (chunk !== null) {
        this.#tell(this.#reader, chunk);
        continue;
      }
      if (this.hasAllCome) this.#tellEnd(this.#reader);
      return;
    }
  }

  #tell(reader: BodyReader, chunk: Buffer): void {
    this.#events.received(chunk.length);
    reader.data(chunk);
    this.#used(chunk.length);
  }

  #tellEnd(reader: BodyReader): void {
    this.#reader = null;
    this.#isTold = true;
    this.#events.ended();
    reader.end(this.#trailers);
  }

  #used(bytes: number): void {
    this.#unreturned += bytes;
    if (this.#unreturned < this.#windowMost >> 1 || this.#unreturned === 0 || this.hasAllCome) return;
    const credit = this.#unreturned;
    this.#unreturned = 0;
    this.#window += credit;
    this.#events.credit(credit);
  }
}
