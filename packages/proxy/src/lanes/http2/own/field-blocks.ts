// Field blocks as they come, in HEADERS and CONTINUATION frames (RFC 9113 §4.3, §6.2, §6.10): put together, bounded, decoded.
// Knows no request.
import { errorCode, frameFlag, headerTableBytes } from '../../../h2/codes.ts';
import type { FrameHead } from '../../../h2/frame-cutter.ts';
import { type DecodedBlock, HpackDecoder } from '../../../h2/hpack/index.ts';

export interface FieldBlockLimits {
  readonly sectionBytesMax: number;
  readonly fieldsMax: number;
}

/** What a block says, once it is whole. */
export interface WholeBlock {
  readonly stream: number;
  readonly endsStream: boolean;
  readonly decoded: DecodedBlock;
  /** The stream that it is said to depend on; -1 without a word on priority. */
  readonly dependsOn: number;
}

/** CONTINUATION frames of one block: a section of the largest size takes four of them (CVE-2024-27316). */
const continuationsMax = 16;
/** Octets of a block beyond those of the section it may become: names of no octets still take one each. */
const blockBytesFactor = 2;

export class FieldBlocks {
  readonly #decoder: HpackDecoder;
  readonly #blockBytesMax: number;
  #stream = 0;
  #endsStream = false;
  #dependsOn = -1;
  #pieces: Buffer[] = [];
  #pieceBytes = 0;
  #continuations = 0;

  constructor({ sectionBytesMax, fieldsMax }: FieldBlockLimits) {
    this.#decoder = new HpackDecoder({ tableBytesMax: headerTableBytes, sectionBytesMax, fieldsMax });
    this.#blockBytesMax = sectionBytesMax * blockBytesFactor;
  }

  /** Until its block is whole, no frame but CONTINUATION of this stream may come; 0: none is expected. */
  get openStream(): number {
    return this.#stream;
  }

  /** A HEADERS frame. The block where it is whole, null where more is to come, or the code that ends the connection. */
  begin(head: FrameHead, buffer: Buffer, start: number, end: number): WholeBlock | number | null {
    let from = start;
    let to = end;
    this.#dependsOn = -1;
    if ((head.flags & frameFlag.padded) !== 0) {
      to = end - (buffer[from] ?? 0);
      from += 1;
    }
    if ((head.flags & frameFlag.priority) !== 0) {
      if (to - from >= 5) this.#dependsOn = buffer.readUInt32BE(from) & 0x7fff_ffff;
      from += 5;
    }
    // RFC 9113 §6.2: padding may not be longer than what is left for it.
    if (from > to) return errorCode.protocolError;
    this.#stream = head.stream;
    this.#endsStream = (head.flags & frameFlag.endStream) !== 0;
    this.#continuations = 0;
    if ((head.flags & frameFlag.endHeaders) !== 0) return this.#decode(buffer, from, to);
    return this.#keep(buffer, from, to);
  }

  /** A CONTINUATION frame of the open stream. */
  go(head: FrameHead, buffer: Buffer, start: number, end: number): WholeBlock | number | null {
    this.#continuations += 1;
    if (this.#continuations > continuationsMax) return errorCode.enhanceYourCalm;
    const refused = this.#keep(buffer, start, end);
    if (refused !== null || (head.flags & frameFlag.endHeaders) === 0) return refused;
    const block = Buffer.concat(this.#pieces, this.#pieceBytes);
    this.#pieces = [];
    this.#pieceBytes = 0;
    return this.#decode(block, 0, block.length);
  }

  #keep(buffer: Buffer, start: number, end: number): number | null {
    this.#pieceBytes += end - start;
    if (this.#pieceBytes > this.#blockBytesMax) return errorCode.enhanceYourCalm;
    this.#pieces.push(Buffer.from(buffer.subarray(start, end)));
    return null;
  }

  #decode(buffer: Buffer, start: number, end: number): WholeBlock | number {
    const stream = this.#stream;
    this.#stream = 0;
    const decoded = this.#decoder.decode(buffer, start, end);
    if (decoded === null) return errorCode.compressionError;
    return { stream, endsStream: this.#endsStream, decoded, dependsOn: this.#dependsOn };
  }
}
