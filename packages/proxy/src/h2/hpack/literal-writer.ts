// Writes the two things that RFC 7541 §5 builds all else from: integers and string literals. Knows no fields.
import { encodeHuffman } from './huffman-encoder.ts';

const huffmanFlag = 0x80;
const textLengthMask = 0x7f;

/** Octets of an integer whose prefix has the bits of `prefixMask` (RFC 7541 §5.1). */
export function integerBytes(prefixMask: number, value: number): number {
  let bytes = 1;
  if (value < prefixMask) return bytes;
  for (let rest = value - prefixMask; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes += 1;
  return bytes + 1;
}

export interface PrefixedInteger {
  /** The bits before the prefix. */
  readonly flags: number;
  readonly prefixMask: number;
  readonly value: number;
}

/** Returns where it ends. */
export function writeInteger(target: Uint8Array, start: number, integer: PrefixedInteger): number {
  const { flags, prefixMask, value } = integer;
  if (value < prefixMask) {
    target[start] = flags | value;
    return start + 1;
  }
  target[start] = flags | prefixMask;
  let position = start + 1;
  let rest = value - prefixMask;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) {
    target[position] = 0x80 | (rest & 0x7f);
    position += 1;
  }
  target[position] = rest;
  return position + 1;
}

/** Octets of a string literal; `codedBytes` is what the text takes in the Huffman code, used where that is shorter. */
export function textBytes(text: string, codedBytes: number): number {
  const bytes = Math.min(text.length, codedBytes);
  return integerBytes(textLengthMask, bytes) + bytes;
}

/** Returns where it ends. */
export function writeText(target: Buffer, start: number, text: string, codedBytes: number): number {
  const isCoded = codedBytes < text.length;
  const position = writeInteger(target, start, {
    flags: isCoded ? huffmanFlag : 0,
    prefixMask: textLengthMask,
    value: isCoded ? codedBytes : text.length,
  });
  return isCoded ? encodeHuffman(text, target, position) : position + target.write(text, position, 'latin1');
}
