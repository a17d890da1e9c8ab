import { describe, expect, it } from 'vitest';
import { codeLengths, codes, endOfString } from './huffman-code.ts';
import { decodedBytesMax, decodeHuffman, measureHuffman } from './huffman-decoder.ts';
import { encodeHuffman, huffmanBytes } from './huffman-encoder.ts';

const text = (...octets: number[]) => String.fromCharCode(...octets);

function encode(value: string): Buffer {
  const octets = Buffer.alloc(huffmanBytes(value));
  expect(encodeHuffman(value, octets, 0)).toBe(octets.length);
  return octets;
}

function decode(octets: Buffer): string | null {
  const target = Buffer.alloc(decodedBytesMax(octets.length));
  const length = decodeHuffman(octets, 0, octets.length, target);
  expect(measureHuffman(octets, 0, octets.length)).toBe(length);
  return length < 0 ? null : target.toString('latin1', 0, length);
}

/** Bits as text, filled up to whole octets with ones. */
function octetsOf(bits: string): Buffer {
  const whole = bits.padEnd(Math.ceil(bits.length / 8) * 8, '1');
  return Buffer.from((whole.match(/.{8}/g) ?? []).map((octet) => Number.parseInt(octet, 2)));
}

const bitsOf = (symbol: number) => (codes[symbol] ?? 0).toString(2).padStart(codeLengths[symbol] ?? 0, '0');

describe('the Huffman code', () => {
  it('has a length for each octet and for EOS, and is complete: the Kraft sum is one', () => {
    expect(codeLengths).toHaveLength(257);
    expect(codeLengths.reduce((sum, length) => sum + 2 ** -length, 0)).toBe(1);
  });

  it('has no code that begins another', () => {
    const sorted = Array.from(codeLengths, (_, symbol) => bitsOf(symbol)).sort();
    for (const [index, bits] of sorted.entries())
      expect(sorted[index + 1]?.startsWith(bits) ?? false).toBe(false);
  });

  it.each([
    [0, 0x1ff8, 13],
    [1, 0x7fffd8, 23],
    [9, 0xffffea, 24],
    [10, 0x3ffffffc, 30],
    [22, 0x3ffffffe, 30],
    [0x30, 0x0, 5],
    [0x20, 0x14, 6],
    [0x3a, 0x5c, 7],
    [0x26, 0xf8, 8],
    [0x21, 0x3f8, 10],
    [0x7c, 0x7fc, 11],
    [0x3e, 0xffb, 12],
    [0x5e, 0x3ffc, 14],
    [0x7b, 0x7ffe, 15],
    [0x5c, 0x7fff0, 19],
    [127, 0xffffffc, 28],
    [128, 0xfffe6, 20],
    [153, 0x1fffdc, 21],
    [129, 0x3fffd2, 22],
    [199, 0x1ffffec, 25],
    [203, 0x7ffffde, 27],
    [249, 0xffffffe, 28],
    [254, 0x7fffff0, 27],
    [255, 0x3ffffee, 26],
    [endOfString, 0x3fffffff, 30],
  ])('gives symbol %i the code of Appendix B', (symbol, code, length) => {
    expect(codes[symbol]).toBe(code);
    expect(codeLengths[symbol]).toBe(length);
  });
});

describe('Huffman-coded text', () => {
  it('comes back as it was, each octet beside each other one', () => {
    for (let first = 0; first < 256; first += 1)
      for (let second = 0; second < 256; second += 1) {
        const value = text(first, second, first);
        if (decode(encode(value)) !== value) expect.fail(`octets ${first} and ${second}`);
      }
  });

  it('may be empty', () => {
    expect(decode(Buffer.alloc(0))).toBe('');
    expect(encode('')).toHaveLength(0);
  });

  it('may end in up to seven ones', () => {
    for (let characters = 1; characters <= 8; characters += 1) {
      const value = 'a'.repeat(characters);
      expect(decode(octetsOf(bitsOf(0x61).repeat(characters)))).toBe(value);
    }
    expect(decode(octetsOf(`${bitsOf(0x61)}${bitsOf(0x30)}${bitsOf(0x3a)}`))).toBe('a0:');
  });

  it('is malformed where eight ones or more end it', () => {
    expect(decode(Buffer.of(0xff))).toBeNull();
    expect(decode(Buffer.concat([encode('a'), Buffer.of(0xff)]))).toBeNull();
    expect(decode(Buffer.concat([encode('aaaaaaaa'), Buffer.of(0xff)]))).toBeNull();
    expect(decode(Buffer.concat([encode('a'), Buffer.of(0xff, 0xff, 0xff)]))).toBeNull();
  });

  it('is malformed where the last bits are no ones', () => {
    for (const padding of ['000', '001', '010', '011', '100', '101', '110'])
      expect(decode(octetsOf(`${bitsOf(0x61)}${padding}`))).toBeNull();
  });

  it('is malformed where EOS stands in it, whatever follows', () => {
    const eos = bitsOf(endOfString);
    expect(decode(octetsOf(eos))).toBeNull();
    expect(decode(octetsOf(`${eos}${bitsOf(0x61)}`))).toBeNull();
    expect(decode(octetsOf(`${bitsOf(0x61)}${eos}${bitsOf(0x61).repeat(20)}`))).toBeNull();
  });

  it('refuses characters that are no octets', () => {
    expect(() => huffmanBytes('ā')).toThrow(RangeError);
    expect(huffmanBytes('ÿ')).toBe(4);
  });
});
