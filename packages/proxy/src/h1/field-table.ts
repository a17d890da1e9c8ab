// The field section of a message (RFC 9112 §5) as offsets into the buffer it was read from: no strings, no
// header objects. Reused from message to message. Knows what a name is, not what it means.
import {
  byteAt,
  byteColon,
  byteCr,
  byteHtab,
  byteLf,
  byteSp,
  equalsIgnoringCase,
  fieldValueByte,
  hashToken,
} from './bytes.ts';
import { hashName, identifyField } from './field-names.ts';

/** What `scanFields` answers instead of a position. */
export const scanIncomplete = -1;
export const scanMalformed = -2;
export const scanTooLarge = -3;

export interface FieldLimits {
  readonly lineBytesMax: number;
  readonly fieldsMax: number;
}

/** Octets per field in `bounds`: name start, name end, value start, value end. */
const boundsPerField = 4;

export class FieldTable {
  count = 0;
  /** A field without exactly one space before its value and none after it. */
  oddSpacing = false;
  longestLineBytes = 0;
  readonly fieldsMax: number;
  readonly lineBytesMax: number;
  readonly bounds: Int32Array;
  readonly hashes: Int32Array;
  readonly ids: Uint8Array;

  constructor(limits: FieldLimits) {
    const { fieldsMax } = limits;
    this.fieldsMax = fieldsMax;
    this.lineBytesMax = limits.lineBytesMax;
    this.bounds = new Int32Array(fieldsMax * boundsPerField);
    this.hashes = new Int32Array(fieldsMax);
    this.ids = new Uint8Array(fieldsMax);
  }

  reset(): void {
    this.count = 0;
    this.oddSpacing = false;
    this.longestLineBytes = 0;
  }

  nameStart(index: number): number {
    return this.bounds[index * boundsPerField] ?? 0;
  }

  nameEnd(index: number): number {
    return this.bounds[index * boundsPerField + 1] ?? 0;
  }

  valueStart(index: number): number {
    return this.bounds[index * boundsPerField + 2] ?? 0;
  }

  valueEnd(index: number): number {
    return this.bounds[index * boundsPerField + 3] ?? 0;
  }

  name(buffer: Buffer, index: number): string {
    return buffer.latin1Slice(this.nameStart(index), this.nameEnd(index));
  }

  value(buffer: Buffer, index: number): string {
    return buffer.latin1Slice(this.valueStart(index), this.valueEnd(index));
  }

  /** All values of a field joined with `, ` (RFC 9110 §5.3); `name` lower-case. */
  find(buffer: Buffer, name: string): string | undefined {
    const hash = hashName(name);
    let found: string | undefined;
    for (let index = 0; index < this.count; index += 1) {
      if (this.hashes[index] !== hash) continue;
      if (!equalsIgnoringCase(buffer, this.nameStart(index), this.nameEnd(index), name)) continue;
      const value = this.value(buffer, index);
      found = found === undefined ? value : `${found}, ${value}`;
    }
    return found;
  }

  /** Names and values in turn, as received. */
  toRawHeaders(buffer: Buffer): string[] {
    const list: string[] = [];
    for (let index = 0; index < this.count; index += 1)
      list.push(this.name(buffer, index), this.value(buffer, index));
    return list;
  }
}

/**
 * Scans field lines from `start` up to and with the empty line that ends them, into `table`.
 * Strict: names are tokens, the colon follows at once, lines end in CRLF and are never folded, values hold no
 * control character. White space around a value is left out of its bounds and noted.
 * Returns the position after the empty line, or one of the `scan*` answers.
 */
export function scanFields(buffer: Buffer, start: number, end: number, table: FieldTable): number {
  let position = start;
  for (;;) {
    if (position >= end) return scanIncomplete;
    if (buffer[position] === byteCr) {
      if (position + 1 >= end) return scanIncomplete;
      return buffer[position + 1] === byteLf ? position + 2 : scanMalformed;
    }
    const next = scanFieldLine(buffer, position, end, table);
    const lineBytes = (next < 0 ? end : next) - position;
    if (lineBytes > table.lineBytesMax && next !== scanMalformed) return scanTooLarge;
    if (next < 0) return next;
    if (table.count > table.fieldsMax) return scanTooLarge;
    if (lineBytes > table.longestLineBytes) table.longestLineBytes = lineBytes;
    position = next;
  }
}

function scanFieldLine(buffer: Buffer, start: number, end: number, table: FieldTable): number {
  let position = start;
  let hash = 0;
  let lower = 0;
  while (position < end && (lower = byteAt(hashToken, byteAt(buffer, position))) !== 0) {
    hash = (Math.imul(hash, 31) + lower) | 0;
    position += 1;
  }
  const nameEnd = position;
  if (position >= end) return scanIncomplete;
  if (nameEnd === start || buffer[position] !== byteColon) return scanMalformed;
  position += 1;
  while (position < end && (buffer[position] === byteSp || buffer[position] === byteHtab)) position += 1;
  const valueStart = position;
  while (position < end && byteAt(fieldValueByte, byteAt(buffer, position)) === 1) position += 1;
  if (position >= end) return scanIncomplete;
  if (buffer[position] !== byteCr) return scanMalformed;
  if (position + 1 >= end) return scanIncomplete;
  if (buffer[position + 1] !== byteLf) return scanMalformed;
  let valueEnd = position;
  while (valueEnd > valueStart && (buffer[valueEnd - 1] === byteSp || buffer[valueEnd - 1] === byteHtab))
    valueEnd -= 1;
  const spaced = valueStart === nameEnd + 2 && buffer[nameEnd + 1] === byteSp;
  if (
    valueEnd !== position ||
    (!spaced && valueStart !== nameEnd + 1) ||
    (!spaced && valueEnd !== valueStart)
  ) {
    table.oddSpacing = true;
  }
  const index = table.count;
  if (index < table.fieldsMax) {
    const base = index * boundsPerField;
    table.bounds[base] = start;
    table.bounds[base + 1] = nameEnd;
    table.bounds[base + 2] = valueStart;
    table.bounds[base + 3] = valueEnd;
    table.hashes[index] = hash;
    table.ids[index] = identifyField(buffer, start, nameEnd, hash);
  }
  table.count = index + 1;
  return position + 2;
}
