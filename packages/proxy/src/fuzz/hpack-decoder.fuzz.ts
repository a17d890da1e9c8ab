// Fuzz target: any octets are field blocks or malformed, soon; a naive decoder, bit by bit and with a plain list for a
// table, says the same of them; limits hold and change nothing in the table.
import assert from 'node:assert/strict';
import { codeLengths, codes, endOfString } from '../h2/hpack/huffman-code.ts';
import { HpackDecoder } from '../h2/hpack/index.ts';
import { staticFields } from '../h2/hpack/static-table.ts';
import type { FuzzTarget } from './fuzz-target.ts';

const limits = { tableBytesMax: 4_096, sectionBytesMax: 16 * 1024, fieldsMax: 64 };
const tight = { ...limits, sectionBytesMax: 120, fieldsMax: 3 };

/** Far above what blocks of this size take. */
const millisecondsMax = 1_000;

const corpus = [
  `8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d 8286 84be 5808 6e6f 2d63 6163 6865`,
  `8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff 8287 85be 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf bebf`,
  `3fe101 4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718
   63c7 8f0b 97c8 e9ae 82ae 43d3 be bf c0 c1`,
  '203f e11f 4001 6101 6240 0161 7f00 7a7a 7abe bebe 1001 6301 64',
  '3f21 4001 6101 6240 0163 0164 4001 6501 66be bf',
].map((text) => Buffer.from(text.replaceAll(/\s/g, ''), 'hex'));

export const hpackDecoderTarget: FuzzTarget = {
  name: 'HPACK decoder',
  corpus,
  check: (bytes, mutator) => {
    const started = performance.now();
    const decoder = new HpackDecoder(limits);
    const tightDecoder = new HpackDecoder(tight);
    const naive = new NaiveDecoder();
    const around = Buffer.concat([Buffer.of(0x82), bytes, Buffer.alloc(64, 0x82)]);
    const blocks = mutator.below(2) === 0 ? [bytes] : mutator.split(bytes, bytes.length);
    for (const block of blocks) {
      const start = 1 + block.byteOffset - bytes.byteOffset;
      // Twice, as the second may come from the blocks that are kept.
      for (let time = 0; time < 2; time += 1) {
        const expected = naive.decode(block);
        const decoded = decoder.decode(around, start, start + block.length);
        const cut = tightDecoder.decode(around, start, start + block.length);
        if (expected === null || decoded === null || cut === null) {
          assert.deepEqual([decoded, cut], [null, null], 'malformed for all or for none');
          assert.equal(expected, null);
          return;
        }
        assert.deepEqual(decoded.fields, expected.slice(0, decoded.fields.length));
        assert.equal(decoded.isTooLarge, decoded.fields.length !== expected.length);
        assert.deepEqual(cut.fields, expected.slice(0, cut.fields.length));
        assert.equal(cut.isTooLarge, cut.fields.length !== expected.length);
        assert.ok(cut.fields.length <= tight.fieldsMax * 2);
      }
    }
    for (const each of [decoder, tightDecoder]) checkTable(each, naive);
    assert.ok(performance.now() - started < millisecondsMax, 'it is read soon');
  },
};

/** Each entry of the table is that of the naive one, which is within its bound, and there is no other. */
function checkTable(decoder: HpackDecoder, naive: NaiveDecoder): void {
  assert.ok(naive.bytes <= limits.tableBytesMax);
  for (const [entry, field] of [...naive.table, null].entries()) {
    const index = 62 + entry;
    const block = index < 0x7f ? Buffer.of(0x80 | index) : Buffer.of(0xff, index - 0x7f);
    const decoded = decoder.decode(block, 0, block.length);
    if (field === null) assert.equal(decoded, null, 'the table has no more entries');
    else if (decoded?.isTooLarge === false) assert.deepEqual(decoded.fields, field);
    else assert.ok(decoded !== null);
  }
}

const symbols = new Map(
  Array.from(codes, (code, symbol) => [code.toString(2).padStart(codeLengths[symbol] ?? 0, '0'), symbol]),
);

class Malformed extends Error {}

class NaiveDecoder {
  readonly table: [string, string][] = [];
  #bytesMax = 4_096;
  #rest: number[] = [];

  get bytes(): number {
    return this.table.reduce((sum, [name, value]) => sum + name.length + value.length + 32, 0);
  }

  decode(block: Buffer): string[] | null {
    this.#rest = [...block];
    try {
      return this.#fields();
    } catch (error) {
      if (error instanceof Malformed) return null;
      throw error;
    }
  }

  #fields(): string[] {
    const fields: string[] = [];
    for (let updates = 0; this.#rest.length > 0;) {
      const octet = this.#rest[0] ?? 0;
      if (octet >= 0x80) fields.push(...this.#at(this.#integer(7)));
      else if (octet >= 0x40) {
        const field = this.#literal(6);
        fields.push(...field);
        this.table.unshift(field);
        this.#evict();
      } else if (octet >= 0x20) {
        updates += 1;
        if (updates > 2 || fields.length > 0) throw new Malformed();
        this.#bytesMax = this.#integer(5);
        if (this.#bytesMax > limits.tableBytesMax) throw new Malformed();
        this.#evict();
      } else fields.push(...this.#literal(4));
    }
    return fields;
  }

  #evict(): void {
    while (this.bytes > this.#bytesMax) this.table.pop();
  }

  #at(index: number): readonly [string, string] {
    const names = staticFields.slice(index * 2 - 2, index * 2);
    const field = index <= 61 ? names : this.table[index - 62];
    if (index === 0 || field === undefined) throw new Malformed();
    return [field[0] ?? '', field[1] ?? ''];
  }

  #literal(prefixBits: number): [string, string] {
    const index = this.#integer(prefixBits);
    const name = index === 0 ? this.#text() : this.#at(index)[0];
    return [name, this.#text()];
  }

  #octet(): number {
    const octet = this.#rest.shift();
    if (octet === undefined) throw new Malformed();
    return octet;
  }

  #integer(prefixBits: number): number {
    const most = 2 ** prefixBits - 1;
    let value = this.#octet() & most;
    if (value < most) return value;
    for (let octets = 0; octets < 4; octets += 1) {
      const octet = this.#octet();
      value += (octet % 128) * 128 ** octets;
      if (octet >= 128) continue;
      if (value > 2 ** 24) break;
      return value;
    }
    throw new Malformed();
  }

  #text(): string {
    const isHuffman = (this.#rest[0] ?? 0) >= 0x80;
    const length = this.#integer(7);
    if (length > this.#rest.length) throw new Malformed();
    const octets = this.#rest.splice(0, length);
    return isHuffman ? readBits(octets) : String.fromCharCode(...octets);
  }
}

function readBits(octets: readonly number[]): string {
  let text = '';
  let code = '';
  for (const bit of octets.map((octet) => octet.toString(2).padStart(8, '0')).join('')) {
    code += bit;
    const symbol = symbols.get(code);
    if (symbol === undefined) continue;
    if (symbol === endOfString) throw new Malformed();
    text += String.fromCharCode(symbol);
    code = '';
  }
  if (code.length > 7 || code.includes('0')) throw new Malformed();
  return text;
}
