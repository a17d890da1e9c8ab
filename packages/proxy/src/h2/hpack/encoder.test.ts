import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HpackDecoder, HpackEncoder } from './index.ts';
import { staticFields } from './static-table.ts';

const limits = { tableBytesMax: 4_096, sectionBytesMax: 1024 * 1024, fieldsMax: 1_000 };
const hex = (octets: Buffer) => octets.toString('hex');

function decode(octets: Buffer): readonly string[] | undefined {
  return new HpackDecoder(limits).decode(octets, 0, octets.length)?.fields;
}

describe('a field line', () => {
  it('is one octet where the static table has the whole field', () => {
    const encoder = new HpackEncoder();
    for (let index = 1; index <= 61; index += 1) {
      const [name = '', value = ''] = staticFields.slice(index * 2 - 2, index * 2);
      if (['authorization', 'cookie', 'proxy-authorization', 'set-cookie'].includes(name)) continue;
      expect(hex(encoder.field(name, value))).toBe((0x80 | index).toString(16));
    }
  });

  it('has the lowest static index of its name', () => {
    const encoder = new HpackEncoder();
    expect(hex(encoder.field(':path', '/sample/path'))).toMatch(/^04/);
    expect(hex(encoder.field('content-type', 'text/plain'))).toMatch(/^0f10/);
  });

  it('is written in the Huffman code where that is shorter, part by part', () => {
    const encoder = new HpackEncoder();
    expect(hex(encoder.field('custom-key', 'custom-value'))).toBe('008825a849e95ba97d7f8925a849e95bb8e8b4bf');
    expect(hex(encoder.field('x', '{}'))).toBe('000178027b7d');
    expect(hex(encoder.field('etag', 'é'))).toBe('0f1301e9');
    expect(hex(encoder.field('x', ''))).toBe('00017800');
  });

  it('that is written once reads the same, whatever its name and value', () => {
    const encoder = new HpackEncoder();
    const octets = fc.string({ unit: fc.nat(255).map((code) => String.fromCharCode(code)), maxLength: 300 });
    const name = fc.constantFrom('x-request-id', 'etag', 'x', 'a-name-that-is-not-in-any-table');
    fc.assert(
      fc.property(name, octets, (key, value) => {
        expect(decode(encoder.once(key, value))).toEqual([key, value]);
      }),
    );
    expect(() => encoder.once('x', '\u010a')).toThrow(RangeError);
  });

  it('is never to be indexed where it is a secret, and not kept', () => {
    const encoder = new HpackEncoder();
    expect(hex(encoder.field('set-cookie', 'a'))).toBe('1f280161');
    expect(encoder.field('set-cookie', 'a')).not.toBe(encoder.field('set-cookie', 'a'));
    for (const name of ['authorization', 'cookie', 'proxy-authorization', 'authentication-info']) {
      expect((encoder.field(name, '')[0] ?? 0) >>> 4).toBe(1);
      expect(decode(encoder.field(name, 'secret'))).toEqual([name, 'secret']);
    }
  });

  it('may not have characters that are no octets, in its name or its value', () => {
    const encoder = new HpackEncoder();
    expect(() => encoder.field('x', 'ā')).toThrow(RangeError);
    expect(() => encoder.field('ā', 'x')).toThrow(RangeError);
    expect(() => encoder.field('etag', '😀')).toThrow(RangeError);
    expect(() => encoder.field('set-cookie', 'a'.repeat(50) + 'ā')).toThrow(RangeError);
  });

  it('comes back as it was, whatever octets it has, the first time and the second', () => {
    const encoder = new HpackEncoder();
    const octets = fc.string({
      unit: fc.integer({ min: 0, max: 255 }).map((octet) => String.fromCharCode(octet)),
    });
    const text = fc.oneof(octets, fc.string(), fc.string({ minLength: 100, maxLength: 300 }).map(asLatin1));
    const name = fc.oneof(
      text.map(asLatin1),
      fc.constantFrom(...staticFields.filter((field) => field !== '')),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(name, text.map(asLatin1)), { maxLength: 20 }), (fields) => {
        for (let time = 0; time < 2; time += 1) {
          const block = Buffer.concat(fields.map(([fieldName, value]) => encoder.field(fieldName, value)));
          expect(decode(block)).toEqual(fields.flat());
        }
      }),
      { numRuns: 1_000 },
    );
  });

  it('may be long: lengths at each number of octets', () => {
    const encoder = new HpackEncoder();
    for (const length of [126, 127, 128, 254, 255, 256, 16_510, 16_511, 16_512, 70_000])
      for (const character of ['{', 'a', 'ÿ']) {
        const value = character.repeat(length);
        expect(decode(encoder.field('x-long', value))).toEqual(['x-long', value]);
      }
  });
});

function asLatin1(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

describe('what the encoder keeps', () => {
  it('is the same octets for the same field', () => {
    const encoder = new HpackEncoder();
    const first = encoder.field('server', 'app');
    expect(encoder.field('server', 'app')).toBe(first);
    expect(encoder.field('server', 'a'.repeat(128))).toBe(encoder.field('server', 'a'.repeat(128)));
    expect(encoder.field('server', 'a'.repeat(129))).not.toBe(encoder.field('server', 'a'.repeat(129)));
  });

  it('confuses no name and value with another that reads the same', () => {
    const encoder = new HpackEncoder();
    for (const [name, value] of [
      ['ab', 'c'],
      ['a', 'bc'],
      ['abc', ''],
      ['', 'abc'],
      ['a:', 'b'],
      ['a', ':b'],
      ['a\0', 'b'],
      ['a', '\0b'],
      ['__proto__', 'constructor'],
    ] as const)
      expect(decode(encoder.field(name, value))).toEqual([name, value]);
  });

  it('is bounded: what nobody asks for goes, what is asked for stays', () => {
    const encoder = new HpackEncoder();
    const asked = encoder.field('x-asked', '1');
    const forgotten = encoder.field('x-forgotten', '1');
    for (let index = 0; index < 3_000; index += 1) {
      encoder.field('x-many', String(index));
      expect(encoder.field('x-asked', '1')).toBe(asked);
    }
    expect(encoder.field('x-forgotten', '1')).not.toBe(forgotten);
    expect(encoder.field('x-forgotten', '1')).toEqual(forgotten);
  });
});

describe('a status', () => {
  it('is one octet where the static table has it, and a literal else', () => {
    const encoder = new HpackEncoder();
    expect([200, 204, 206, 304, 400, 404, 500].map((status) => hex(encoder.status(status)))).toEqual([
      '88', '89', '8a', '8b', '8c', '8d', '8e',
    ]); // prettier-ignore
    expect(hex(encoder.status(302))).toBe('08826402');
    for (let status = 100; status <= 999; status += 1)
      expect(decode(encoder.status(status))).toEqual([':status', String(status)]);
    expect(encoder.status(302)).toBe(encoder.status(302));
  });

  it('has three digits', () => {
    const encoder = new HpackEncoder();
    for (const status of [0, 99, 1_000, -200, 200.5, Number.NaN])
      expect(() => encoder.status(status)).toThrow(RangeError);
  });
});
