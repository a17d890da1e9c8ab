// Writes field lines as HPACK (RFC 7541 §6) without state: it never adds to the client's dynamic table, so that what it
// writes for a field depends on nothing but the field, and can be kept. Knows no frames and no meaning of most fields.
import { FieldCache } from './field-cache.ts';
import { huffmanBytes } from './huffman-encoder.ts';
import { integerBytes, textBytes, writeInteger, writeText } from './literal-writer.ts';
import { staticFields, staticIndexMax } from './static-table.ts';

const indexedFlag = 0x80;
const withoutIndexing = 0x00;
const neverIndexed = 0x10;
const literalMask = 0x0f;
const beyondLatin1 = /[\u0100-\uffff]/;
/** Names of `once`: there are but few. */
const namesMax = 16;

/** Secrets, which no intermediary is to put in a table (RFC 7541 §7.1.3); nor are they kept here. */
const sensitiveNames: ReadonlySet<string> = new Set([
  'authentication-info', 'authorization', 'cookie', 'proxy-authentication-info', 'proxy-authorization', 'set-cookie',
]); // prettier-ignore

/** The lowest index of each name, and of each whole field by name and value. */
const nameIndices: ReadonlyMap<string, number> = new Map(
  Array.from({ length: staticIndexMax }, (_, entry): [string, number] => [
    staticFields[entry * 2] ?? '',
    entry + 1,
  ]).reverse(),
);

function staticIndexOf(name: string, value: string): number {
  const first = nameIndices.get(name) ?? 0;
  if (first === 0) return 0;
  for (let index = first; staticFields[index * 2 - 2] === name; index += 1)
    if (staticFields[index * 2 - 1] === value) return index;
  return 0;
}

export class HpackEncoder {
  readonly #cache = new FieldCache();
  /** How a literal of that name begins. */
  readonly #names = new Map<string, Buffer>();
  /** By status, from 100 to 999. */
  readonly #statuses: (Buffer | undefined)[] = [];

  /**
   * Octets of a field line; `name` is in lower case. They are shared: nobody changes them. Throws a RangeError where a
   * character is no latin1.
   */
  field(name: string, value: string): Buffer {
    const kept = this.#cache.find(name, value);
    if (kept !== undefined) return kept;
    if (sensitiveNames.has(name)) return encodeLiteral(neverIndexed, name, value);
    const octets = encodeField(name, value);
    if (FieldCache.isKept(name, value)) this.#cache.keep(name, value, octets);
    return octets;
  }

  /**
   * Octets of a field whose value hardly ever comes again (an id). Nothing is kept but the name's, and the value stays
   * as it is: the Huffman code would cost more than it saves. Throws a RangeError as `field` does.
   */
  once(name: string, value: string): Buffer {
    if (beyondLatin1.test(value)) throw new RangeError('A field value has octets only');
    let named = this.#names.get(name);
    if (named === undefined) {
      named = encodeName(name);
      if (this.#names.size < namesMax) this.#names.set(name, named);
    }
    const octets = Buffer.allocUnsafe(named.length + textBytes(value, value.length));
    octets.set(named);
    writeText(octets, named.length, value, value.length);
    return octets;
  }

  /** Octets for `:status`, shared too. Throws a RangeError for what has not three digits. */
  status(status: number): Buffer {
    const kept = this.#statuses[status];
    if (kept !== undefined) return kept;
    if (!Number.isInteger(status) || status < 100 || status > 999)
      throw new RangeError('A status has three digits');
    const octets = encodeField(':status', String(status));
    this.#statuses[status] = octets;
    return octets;
  }
}

function encodeName(name: string): Buffer {
  const index = nameIndices.get(name) ?? 0;
  const coded = index === 0 ? huffmanBytes(name) : 0;
  const bytes = index === 0 ? textBytes(name, coded) : 0;
  const octets = Buffer.allocUnsafeSlow(integerBytes(literalMask, index) + bytes);
  const position = writeInteger(octets, 0, { flags: withoutIndexing, prefixMask: literalMask, value: index });
  if (index === 0) writeText(octets, position, name, coded);
  return octets;
}

function encodeField(name: string, value: string): Buffer {
  const index = staticIndexOf(name, value);
  return index === 0 ? encodeLiteral(withoutIndexing, name, value) : Buffer.of(indexedFlag | index);
}

function encodeLiteral(representation: number, name: string, value: string): Buffer {
  const index = nameIndices.get(name) ?? 0;
  const nameCoded = index === 0 ? huffmanBytes(name) : 0;
  const valueCoded = huffmanBytes(value);
  const nameBytes = index === 0 ? textBytes(name, nameCoded) : 0;
  // Not from the pool: what is kept must not keep all that lies beside it.
  const octets = Buffer.allocUnsafeSlow(
    integerBytes(literalMask, index) + nameBytes + textBytes(value, valueCoded),
  );
  let position = writeInteger(octets, 0, { flags: representation, prefixMask: literalMask, value: index });
  if (index === 0) position = writeText(octets, position, name, nameCoded);
  writeText(octets, position, value, valueCoded);
  return octets;
}
