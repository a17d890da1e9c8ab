import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createDecoder,
  decode,
  incremental,
  limits,
  lines,
  literal,
  longLiteral,
} from './testing/field-blocks.ts';

describe('a malformed block', () => {
  it.each([
    ['an index of 0', '80'],
    ['an index beyond an empty table', 'be'],
    ['a far index', 'ff80 8080 01'],
    ['an indexed name beyond the table', '7e01 61'],
    ['an indexed name beyond the table, not indexed', '0f2f 0161'],
    ['an integer that the block ends in', 'ff'],
    ['an integer that the block ends in, after a continuation', '82ff80'],
    ['an integer of five continuation octets', 'ff80 8080 8000'],
    ['an integer above 2^24', '007f 82ff ff07'],
    ['a literal without a name', '40'],
    ['a literal whose name ends beyond the block', '4003 6161'],
    ['a literal without a value', '4001 61'],
    ['a literal whose value ends beyond the block', '4001 6102 62'],
    ['an indexed name without a value', '41'],
    ['a Huffman-coded value that ends beyond the block', '4184 1c64'],
    ['a Huffman-coded value with padding of eight ones', '4182 1fff'],
    ['a Huffman-coded value with padding of zeros', '4181 18'],
    ['a Huffman-coded value with EOS', '4184 ffff ffff'],
    ['a Huffman-coded name with EOS', '4085 1fff ffff ff01 61'],
    ['a Huffman-coded value with EOS that nobody wants', '0f00 84ff ffff ff'],
    ['a size update after a field', '8220'],
    ['a third size update', '2020 20'],
    ['a size update above what we announced', '3fe2 1f'],
    ['a size update that the block ends in', '3fe1'],
  ])('is refused for %s', (_, block) => {
    expect(decode(createDecoder(), block)).toBeNull();
    expect(decode(createDecoder({ fieldsMax: 0 }), block)).toBeNull();
    expect(decode(createDecoder({ sectionBytesMax: 0 }), block)).toBeNull();
  });

  it('is no integer of four continuation octets, with zeros that say nothing', () => {
    expect(lines(decode(createDecoder(), '0fe0 8080 0001 61'))).toBeUndefined();
    expect(lines(decode(createDecoder(), '0f80 8080 0001 61'))).toEqual(['accept-charset: a']);
  });
});

describe('size updates', () => {
  it('may stand alone, and two of them at the beginning', () => {
    expect(lines(decode(createDecoder(), '20'))).toEqual([]);
    expect(lines(decode(createDecoder(), '203f e11f 82'))).toEqual([':method: GET']);
    expect(lines(decode(createDecoder(), ''))).toEqual([]);
  });

  it('may be as large as what we announced, not larger', () => {
    expect(decode(createDecoder({ tableBytesMax: 100 }), '3f45')).not.toBeNull();
    expect(decode(createDecoder({ tableBytesMax: 100 }), '3f46')).toBeNull();
    expect(decode(createDecoder({ tableBytesMax: 8_192 }), '3fe1 3f')).not.toBeNull();
  });

  it('are integers, and none of those goes above 2^24', () => {
    const decoder = createDecoder({ tableBytesMax: 2 ** 26 });
    expect(decode(decoder, '3fe1 ffff 07')).not.toBeNull();
    expect(decode(decoder, '3fe2 ffff 07')).toBeNull();
  });

  it('are integers, which have four continuation octets at most', () => {
    expect(decode(createDecoder(), '3fe1 9f80 00')).not.toBeNull();
    expect(decode(createDecoder(), '3fe1 9f80 8000')).toBeNull();
  });

  it('evict, and the size lasts', () => {
    const decoder = createDecoder();
    decode(decoder, Buffer.concat([incremental('a', '1'), incremental('b', '2')]));
    // 35 octets: one entry.
    expect(lines(decode(decoder, '3f04 be'))).toEqual(['b: 2']);
    decode(decoder, incremental('c', '3'));
    expect(lines(decode(decoder, 'be'))).toEqual(['c: 3']);
    expect(decode(decoder, 'bf')).toBeNull();
  });

  it('may come late: a client uses 4,096 octets until our settings have reached it (RFC 9113 §6.5.2)', () => {
    const decoder = createDecoder({ tableBytesMax: 0 });
    decode(decoder, incremental('a', '1'));
    expect(lines(decode(decoder, 'be'))).toEqual(['a: 1']);
    expect(decode(decoder, '20be')).toBeNull();
  });
});

describe('an entry larger than the table', () => {
  it('empties it, and is a field all the same', () => {
    const decoder = createDecoder();
    decode(decoder, incremental('a', '1'));
    const value = 'v'.repeat(5_000);
    const block = Buffer.concat([Buffer.of(0x40), literal('large'), longLiteral(value)]);
    expect(lines(decode(decoder, block))).toEqual([`large: ${value}`]);
    expect(decode(decoder, 'be')).toBeNull();
  });

  it('may be named by an entry that goes', () => {
    const decoder = createDecoder();
    decode(decoder, '3f11');
    decode(decoder, incremental('name', '1'));
    // 48 octets of table: 32 and 4 for the name leave 12.
    expect(lines(decode(decoder, Buffer.concat([Buffer.of(0x7e), literal('twelve bytes')])))).toEqual([
      'name: twelve bytes',
    ]);
    expect(lines(decode(decoder, 'be'))).toEqual(['name: twelve bytes']);
    expect(lines(decode(decoder, Buffer.concat([Buffer.of(0x7e), literal('thirteen byte')])))).toEqual([
      'name: thirteen byte',
    ]);
    expect(decode(decoder, 'be')).toBeNull();
  });
});

it('random octets never throw, and what lies around them changes nothing', () => {
  const block = fc.uint8Array({ maxLength: 300 });
  fc.assert(
    fc.property(fc.array(block, { maxLength: 6 }), fc.uint8Array({ maxLength: 40 }), (blocks, around) => {
      const alone = createDecoder();
      const amid = createDecoder();
      for (const octets of blocks) {
        const decoded = alone.decode(Buffer.from(octets), 0, octets.length);
        const whole = Buffer.concat([around, octets, around, around]);
        expect(amid.decode(whole, around.length, around.length + octets.length)).toEqual(decoded);
        if (decoded === null) return;
        expect(decoded.fields.length % 2).toBe(0);
        expect(decoded.fields.length).toBeLessThanOrEqual(limits.fieldsMax * 2);
      }
    }),
    { numRuns: 3_000 },
  );
});
