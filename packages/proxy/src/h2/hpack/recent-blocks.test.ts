import { describe, expect, it } from 'vitest';
import { createDecoder, decode, incremental, lines, plain } from './testing/field-blocks.ts';

describe('the same block again', () => {
  it('is the same answer while the table is the same', () => {
    const decoder = createDecoder();
    const block = Buffer.from('828487', 'hex');
    const first = decode(decoder, block);
    expect(decode(decoder, Buffer.from(block))).toBe(first);
    expect(decode(decoder, '828487410161')?.fields).toHaveLength(8);
    const second = decode(decoder, block);
    expect(second).not.toBe(first);
    expect(second).toEqual(first);
    expect(decode(decoder, block)).toBe(second);
  });

  it('means something else once the table has changed', () => {
    const decoder = createDecoder();
    decode(decoder, incremental('a', '1'));
    expect(lines(decode(decoder, 'be'))).toEqual(['a: 1']);
    decode(decoder, incremental('b', '2'));
    expect(lines(decode(decoder, 'be'))).toEqual(['b: 2']);
    decode(decoder, '20');
    expect(decode(decoder, 'be')).toBeNull();
  });

  it('is read anew where it adds to the table', () => {
    const decoder = createDecoder();
    const block = incremental('a', '1');
    expect(decode(decoder, block)).not.toBe(decode(decoder, block));
    expect(lines(decode(decoder, 'bebf'))).toEqual(['a: 1', 'a: 1']);
  });

  it('is kept for eight blocks of 256 octets', () => {
    const decoder = createDecoder();
    const blocks = Array.from({ length: 9 }, (_, index) => plain('path', `/${index}`));
    const first = blocks.map((block) => decode(decoder, block));
    for (let index = 8; index >= 1; index -= 1)
      expect(decode(decoder, blocks[index] ?? '')).toBe(first[index]);
    expect(decode(decoder, blocks[0] ?? '')).not.toBe(first[0]);
    const longest = Buffer.alloc(256, 0x82);
    expect(decode(createDecoder({ fieldsMax: 300 }), longest)?.isTooLarge).toBe(false);
    expect(decode(decoder, longest)).toBe(decode(decoder, longest));
    const longer = Buffer.alloc(257, 0x82);
    expect(decode(decoder, longer)).not.toBe(decode(decoder, longer));
  });

  it('is not taken for one of the same length, nor for one that it begins', () => {
    const decoder = createDecoder();
    expect(lines(decode(decoder, '8284'))).toEqual([':method: GET', ':path: /']);
    expect(lines(decode(decoder, '8285'))).toEqual([':method: GET', ':path: /index.html']);
    expect(lines(decode(decoder, '82'))).toEqual([':method: GET']);
    expect(lines(decode(decoder, '8284'))).toEqual([':method: GET', ':path: /']);
  });
});
