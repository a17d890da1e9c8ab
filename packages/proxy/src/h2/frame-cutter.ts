// Cuts a stream of octets into HTTP/2 frames (RFC 9113 §4.1). A frame that came whole is told in the buffer that it was
// read into; one that came in pieces is put together first. Knows no frame type.
import { frameHeadBytes, framePayloadBytesMax } from './codes.ts';

export interface FrameSink {
  /** The payload is valid during the call. False: no more frames are wanted. */
  readonly frame: (head: FrameHead, buffer: Buffer, start: number, end: number) => boolean;
  /** The frame is larger than we take (RFC 9113 §4.2); nothing is told after it. */
  readonly frameTooLarge: () => void;
}

/** Of the frame being told; one object for all of them. */
export class FrameHead {
  type = 0;
  flags = 0;
  stream = 0;
  payloadBytes = 0;

  read(buffer: Buffer, at: number): void {
    this.payloadBytes = ((buffer[at] ?? 0) << 16) | ((buffer[at + 1] ?? 0) << 8) | (buffer[at + 2] ?? 0);
    this.type = buffer[at + 3] ?? 0;
    this.flags = buffer[at + 4] ?? 0;
    this.stream = buffer.readUInt32BE(at + 5) & 0x7fff_ffff;
  }
}

export class FrameCutter {
  readonly #sink: FrameSink;
  readonly #head = new FrameHead();
  /** The beginning of a frame whose end has not come; its head alone until that is whole. */
  #partial: Buffer | null = null;
  #partialBytes = 0;

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  push(buffer: Buffer, start: number, end: number): void {
    let position = start;
    if (this.#partial !== null) {
      position = this.#complete(buffer, position, end);
      if (position < 0) return;
    }
    const head = this.#head;
    while (end - position >= frameHeadBytes) {
      head.read(buffer, position);
      if (head.payloadBytes > framePayloadBytesMax) {
        this.#sink.frameTooLarge();
        return;
      }
      const payload = position + frameHeadBytes;
      const next = payload + head.payloadBytes;
      if (next > end) break;
      if (!this.#sink.frame(head, buffer, payload, next)) return;
      position = next;
    }
    if (position < end) this.#keep(buffer, position, end);
  }

  #keep(buffer: Buffer, start: number, end: number): void {
    const bytes = end - start;
    const isHeadWhole = bytes >= frameHeadBytes;
    if (isHeadWhole) this.#head.read(buffer, start);
    this.#partial = Buffer.allocUnsafe(frameHeadBytes + (isHeadWhole ? this.#head.payloadBytes : 0));
    this.#partialBytes = buffer.copy(this.#partial, 0, start, end);
  }

  /** Returns the position after what belongs to the kept frame; -1: nothing more is to be read. */
  #complete(buffer: Buffer, start: number, end: number): number {
    let position = this.#fill(buffer, start, end);
    let partial = this.#partial ?? buffer;
    if (this.#partialBytes < frameHeadBytes) return -1;
    const head = this.#head;
    head.read(partial, 0);
    if (head.payloadBytes > framePayloadBytesMax) {
      this.#sink.frameTooLarge();
      return -1;
    }
    const whole = frameHeadBytes + head.payloadBytes;
    if (partial.length < whole) {
      const grown = Buffer.allocUnsafe(whole);
      partial.copy(grown, 0, 0, frameHeadBytes);
      this.#partial = grown;
      partial = grown;
      position = this.#fill(buffer, position, end);
    }
    if (this.#partialBytes < whole) return -1;
    this.#partial = null;
    this.#partialBytes = 0;
    return this.#sink.frame(head, partial, frameHeadBytes, whole) ? position : -1;
  }

  #fill(buffer: Buffer, start: number, end: number): number {
    const { length } = this.#partial ?? buffer;
    const taken = Math.min(end - start, length - this.#partialBytes);
    if (this.#partial !== null) buffer.copy(this.#partial, this.#partialBytes, start, start + taken);
    this.#partialBytes += taken;
    return start + taken;
  }
}
