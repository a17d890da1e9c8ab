// A place in one field block, and the two things that RFC 7541 §5 builds all else from: integers and string literals.
// Knows no tables of fields.
import { decodedBytesMax, decodeHuffman, measureHuffman } from './huffman-decoder.ts';

/** Above any length or size that is let through; RFC 7541 §5.1 asks for such limits. */
const integerMax = 2 ** 24;
const continuationsMax = 4;

/** Decoded text up to this goes through octets that are kept; longer text through octets of its own. */
const scratchBytes = 1_024;

const huffmanFlag = 0x80;
const nothing = Buffer.alloc(0);

export class BlockReader {
  position = 0;
  /** Octets of the last text, made into a string or not. */
  textBytes = 0;
  #block: Buffer = nothing;
  #end = 0;
  #scratch: Buffer = nothing;

  open(block: Buffer, start: number, end: number): void {
    this.#block = block;
    this.position = start;
    this.#end = end;
  }

  /** Lets the octets go. */
  close(): void {
    this.#block = nothing;
    this.#end = 0;
    this.position = 0;
  }

  get isAtEnd(): boolean {
    return this.position >= this.#end;
  }

  /** The next octet, not passed by. Not at the end. */
  peek(): number {
    return this.#block[this.position] ?? 0;
  }

  /** The integer whose first bits are those of `prefixMask` (RFC 7541 §5.1), or -1: malformed. */
  readInteger(prefixMask: number): number {
    if (this.position >= this.#end) return -1;
    const prefix = (this.#block[this.position] ?? 0) & prefixMask;
    this.position += 1;
    return prefix < prefixMask ? prefix : this.#readContinuations(prefixMask);
  }

  #readContinuations(prefixMask: number): number {
    let value = prefixMask;
    for (let count = 0; count < continuationsMax && this.position < this.#end; count += 1) {
      const octet = this.#block[this.position] ?? 0;
      this.position += 1;
      value += (octet & 0x7f) << (7 * count);
      if (octet < 0x80) return value <= integerMax ? value : -1;
    }
    return -1;
  }

  /**
   * A string literal (RFC 7541 §5.2). Null: malformed. Text of more than `bytesMax` octets is checked and counted in
   * `textBytes`, but no string is made of it: the empty one stands for it.
   */
  readText(bytesMax: number): string | null {
    const isHuffman = this.position < this.#end && ((this.#block[this.position] ?? 0) & huffmanFlag) !== 0;
    const length = this.readInteger(0x7f);
    const start = this.position;
    if (length < 0 || length > this.#end - start) return null;
    this.position = start + length;
    if (isHuffman) return this.#readHuffman(start, bytesMax);
    this.textBytes = length;
    return length === 0 || length > bytesMax ? '' : this.#block.latin1Slice(start, this.position);
  }

  #readHuffman(start: number, bytesMax: number): string | null {
    if (decodedBytesMax(this.position - start) > scratchBytes) return this.#readLongHuffman(start, bytesMax);
    if (this.#scratch.length === 0) this.#scratch = Buffer.allocUnsafeSlow(scratchBytes);
    const length = decodeHuffman(this.#block, start, this.position, this.#scratch);
    if (length < 0) return null;
    this.textBytes = length;
    return length === 0 || length > bytesMax ? '' : this.#scratch.latin1Slice(0, length);
  }

  /** Measured first, so that nothing is set aside for text that nobody wants. */
  #readLongHuffman(start: number, bytesMax: number): string | null {
    const length = measureHuffman(this.#block, start, this.position);
    if (length < 0) return null;
    this.textBytes = length;
    if (length > bytesMax) return '';
    const text = Buffer.allocUnsafe(length);
    decodeHuffman(this.#block, start, this.position, text);
    return text.latin1Slice(0, length);
  }
}
