// Writes latin1 text in the Huffman code of RFC 7541 §5.2. Knows no field and no string literal around it.
import { codeLengths, codes } from './huffman-code.ts';

/** Octets of the text in the Huffman code. Throws a RangeError where a character is no latin1. */
export function huffmanBytes(text: string): number {
  let bits = 0;
  for (let index = 0; index < text.length; index += 1) {
    const octet = text.charCodeAt(index);
    if (octet > 0xff) throw new RangeError('A field has a character that is no octet');
    bits += codeLengths[octet] ?? 0;
  }
  return Math.ceil(bits / 8);
}

/** Writes the text, whose characters are octets, at `start` of a target with room for it; returns where it ends. */
export function encodeHuffman(text: string, target: Uint8Array, start: number): number {
  let position = start;
  // Bits not written yet: below 8 of them between characters. Bits above them are old and fall away.
  let pending = 0;
  let count = 0;
  for (let index = 0; index < text.length; index += 1) {
    const octet = text.charCodeAt(index);
    const code = codes[octet] ?? 0;
    let length = codeLengths[octet] ?? 0;
    // 7 bits and a code of 30 do not fit in 32: the upper part of a long one goes first.
    if (length > 24) {
      pending = (pending << (length - 16)) | (code >>> 16);
      count += length - 16;
      for (; count >= 8; position += 1) {
        count -= 8;
        target[position] = pending >>> count;
      }
      length = 16;
    }
    pending = (pending << length) | (length === 16 ? code & 0xffff : code);
    count += length;
    for (; count >= 8; position += 1) {
      count -= 8;
      target[position] = pending >>> count;
    }
  }
  if (count === 0) return position;
  // The rest of the last octet is the beginning of EOS: ones (RFC 7541 §5.2).
  target[position] = (pending << (8 - count)) | (0xff >>> count);
  return position + 1;
}
