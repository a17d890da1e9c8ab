import { describe, expect, it } from 'vitest';
import {
  createDecoder,
  decode,
  incremental,
  limits,
  lines,
  literal,
  longLiteral,
  plain,
} from './testing/field-blocks.ts';

describe('limits', () => {
  it('end the fields at the one that is too many', () => {
    expect(decode(createDecoder({ fieldsMax: 2 }), '8284')).toEqual({
      fields: [':method', 'GET', ':path', '/'],
      isTooLarge: false,
    });
    expect(decode(createDecoder({ fieldsMax: 2 }), '828487')).toEqual({
      fields: [':method', 'GET', ':path', '/'],
      isTooLarge: true,
    });
  });

  it('count name, value and 32 for each field, whatever its representation', () => {
    for (const block of ['8284', '8204 012f', '8244 012f', '8200 053a 7061 7468 012f']) {
      expect(decode(createDecoder({ sectionBytesMax: 42 + 38 }), block)?.isTooLarge).toBe(false);
      expect(decode(createDecoder({ sectionBytesMax: 42 + 37 }), block)).toEqual({
        fields: [':method', 'GET'],
        isTooLarge: true,
      });
    }
  });

  it('let no later field in that would still fit', () => {
    const block = Buffer.concat([plain('a', 'x'.repeat(100)), plain('b', '1'), Buffer.of(0x82)]);
    expect(decode(createDecoder({ sectionBytesMax: 80 }), block)).toEqual({ fields: [], isTooLarge: true });
  });

  it('leave the dynamic table right', () => {
    const decoder = createDecoder({ sectionBytesMax: 40 });
    const block = Buffer.concat([
      plain('a', 'x'.repeat(100)),
      incremental('b', 'y'.repeat(100)),
      Buffer.of(0x40, 0x01, 0x63, 0x83, 0x9b, 0xd9, 0xab),
    ]);
    expect(decode(decoder, block)).toEqual({ fields: [], isTooLarge: true });
    expect(lines(decode(decoder, 'be'))).toEqual(['c: gzip']);
    expect(decode(decoder, Buffer.concat([Buffer.of(0x20), incremental('d', 'z')]))).toEqual({
      fields: ['d', 'z'],
      isTooLarge: false,
    });
  });

  it('hold against a bomb: many references to one large entry', () => {
    const decoder = createDecoder();
    const value = 'v'.repeat(4_000);
    const entry = Buffer.concat([Buffer.of(0x40), literal('bomb'), longLiteral(value)]);
    const decoded = decode(decoder, Buffer.concat([entry, Buffer.alloc(60_000, 0xbe)]));
    expect(decoded?.isTooLarge).toBe(true);
    expect(decoded?.fields.length).toBe(Math.floor(limits.sectionBytesMax / 4_036) * 2);
    expect(lines(decode(decoder, 'be'))).toEqual([`bomb: ${value}`]);
  });
});
