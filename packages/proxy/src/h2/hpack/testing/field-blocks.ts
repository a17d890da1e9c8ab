// Field blocks written by hand, and what a decoder makes of them. Knows no sockets.
import { HpackDecoder } from '../index.ts';
import type { DecodedBlock, DecoderLimits } from '../index.ts';

export const limits: DecoderLimits = { tableBytesMax: 4_096, sectionBytesMax: 64 * 1_024, fieldsMax: 128 };
export const createDecoder = (changed: Partial<DecoderLimits> = {}) =>
  new HpackDecoder({ ...limits, ...changed });

/** Decodes a block, as octets or in hexadecimal digits, that stands amid other octets. */
export function decode(decoder: HpackDecoder, block: string | Buffer): DecodedBlock | null {
  const octets = typeof block === 'string' ? Buffer.from(block.replaceAll(/\s/g, ''), 'hex') : block;
  // Within other octets, so that a read outside of the block is found.
  const around = Buffer.concat([Buffer.alloc(3, 0x82), octets, Buffer.alloc(300, 0x82)]);
  return decoder.decode(around, 3, 3 + octets.length);
}

/** `name: value` for each field. */
export const lines = (decoded: DecodedBlock | null) =>
  decoded?.fields.flatMap((name, index, all) => (index % 2 === 0 ? [`${name}: ${all[index + 1]}`] : []));

export const literal = (text: string) => Buffer.concat([Buffer.of(text.length), Buffer.from(text, 'latin1')]);
export const incremental = (name: string, value: string) =>
  Buffer.concat([Buffer.of(0x40), literal(name), literal(value)]);
export const plain = (name: string, value: string) =>
  Buffer.concat([Buffer.of(0x00), literal(name), literal(value)]);

/** A string length of three octets, above 254. */
export const longLiteral = (text: string) =>
  Buffer.concat([
    Buffer.of(0x7f, ((text.length - 127) & 0x7f) | 0x80, (text.length - 127) >>> 7),
    Buffer.from(text),
  ]);
