// Checks the framing of a chunked body (RFC 9112 §7.1) while it passes by, over any division into reads, and tells
// where its data lies. Strict: sizes are hexadecimal digits, lines end in CRLF. Knows no socket, copies no data.
import { byteAt, byteCr, byteLf, fieldValueByte, hexValue, lowerToken } from './bytes.ts';
import { fieldId } from './field-names.ts';
import { FieldTable, scanFields, scanIncomplete } from './field-table.ts';

const stateSize = 0;
const stateExtension = 1;
const stateSizeLf = 2;
const stateData = 3;
const stateDataCr = 4;
const stateDataLf = 5;
const stateTrailers = 6;
// Parts of a chunk extension (RFC 9112 §7.1.1): `;name`, `=token`, `="quoted"`. No optional white space.
const stateName = 7;
const stateValue = 8;
const stateToken = 9;
const stateQuoted = 10;
const statePair = 11;
const stateAfterQuoted = 12;
const stateDone = 13;
const stateMalformed = 14;

const byteSemicolon = 0x3b;

export interface ChunkLimits {
  /** Octets of chunk extensions in a whole body; nobody has a use for more (Node's own limit is the same). */
  readonly extensionBytesMax: number;
  readonly trailerBytesMax: number;
  readonly trailerFieldsMax: number;
}

export const defaultChunkLimits: ChunkLimits = Object.freeze({
  extensionBytesMax: 16 * 1024,
  trailerBytesMax: 16 * 1024,
  trailerFieldsMax: 64,
});

/** 52 bits: what a double counts exactly. */
const sizeDigitsMax = 13;

const nothing = Buffer.alloc(0);

export class ChunkScanner {
  /** Data found by the last `scan`; empty when equal. */
  dataStart = 0;
  dataEnd = 0;
  readonly #limits: ChunkLimits;
  #state = stateSize;
  #size = 0;
  #digits = 0;
  #extensionBytes = 0;
  #heldTrailers: Buffer = nothing;
  #trailers: FieldTable | null = null;
  #trailerSource: Buffer = nothing;

  constructor(limits: ChunkLimits = defaultChunkLimits) {
    this.#limits = limits;
  }

  /** Ready for another body. */
  reset(): void {
    this.#state = stateSize;
    this.#size = 0;
    this.#digits = 0;
    this.#extensionBytes = 0;
    this.#heldTrailers = nothing;
    this.#trailerSource = nothing;
    this.#trailers?.reset();
  }

  get done(): boolean {
    return this.#state === stateDone;
  }

  get malformed(): boolean {
    return this.#state === stateMalformed;
  }

  /**
   * Trailer fields, names and values in turn; complete once `done`. Those that route or end at this hop must not come
   * late and are left out (RFC 9110 §6.5.1).
   */
  trailers(): string[] {
    const table = this.#trailers;
    const list: string[] = [];
    if (table === null) return list;
    for (let index = 0; index < table.count; index += 1) {
      const id = table.ids[index] ?? 0;
      if (id !== fieldId.other && id !== fieldId.date) continue;
      list.push(table.name(this.#trailerSource, index), table.value(this.#trailerSource, index));
    }
    return list;
  }

  /**
   * Goes on from `start` to the end of the next stretch of data, of the body or of the input, whichever comes
   * first, and returns that position. Call again while it is below `end` and the body is neither done nor malformed.
   */
  scan(buffer: Buffer, start: number, end: number): number {
    let position = start;
    this.dataStart = this.dataEnd = start;
    while (position < end && this.#state < stateDone) {
      if (this.#state === stateData) return this.#takeData(position, end);
      if (this.#state === stateTrailers) return this.#takeTrailers(buffer, position, end);
      this.#state = this.#step(byteAt(buffer, position));
      position += 1;
    }
    return position;
  }

  #takeData(position: number, end: number): number {
    const available = end - position;
    const taken = available < this.#size ? available : this.#size;
    this.#size -= taken;
    if (this.#size === 0) this.#state = stateDataCr;
    this.dataStart = position;
    this.dataEnd = position + taken;
    return position + taken;
  }

  #step(byte: number): number {
    switch (this.#state) {
      case stateSize:
        return this.#stepSize(byte);
      case stateSizeLf:
        if (byte !== byteLf) return stateMalformed;
        this.#digits = 0;
        return this.#size === 0 ? stateTrailers : stateData;
      case stateDataCr:
        return byte === byteCr ? stateDataLf : stateMalformed;
      case stateDataLf:
        return byte === byteLf ? stateSize : stateMalformed;
      default:
        return this.#stepExtension(byte);
    }
  }

  #stepExtension(byte: number): number {
    if (byte === byteCr && mayEndExtension(this.#state)) return stateSizeLf;
    this.#extensionBytes += 1;
    if (this.#extensionBytes > this.#limits.extensionBytesMax) return stateMalformed;
    return nextInExtension(this.#state, byte);
  }

  #stepSize(byte: number): number {
    const digit = byteAt(hexValue, byte);
    if (digit !== 255) {
      this.#digits += 1;
      this.#size = this.#size * 16 + digit;
      return this.#digits <= sizeDigitsMax ? stateSize : stateMalformed;
    }
    if (this.#digits === 0) return stateMalformed;
    if (byte === byteCr) return stateSizeLf;
    return byte === byteSemicolon ? stateExtension : stateMalformed;
  }

  #takeTrailers(buffer: Buffer, start: number, end: number): number {
    const held = this.#heldTrailers.length;
    if (held === 0 && end - start >= 2 && buffer[start] === byteCr && buffer[start + 1] === byteLf) {
      this.#state = stateDone;
      return start + 2;
    }
    const source =
      held === 0
        ? buffer.subarray(start, end)
        : Buffer.concat([this.#heldTrailers, buffer.subarray(start, end)]);
    if (
      held > 0 &&
      !buffer.subarray(start, end).includes(byteLf) &&
      source.length <= this.#limits.trailerBytesMax
    ) {
      this.#heldTrailers = source;
      return end;
    }
    const found = this.#scanTrailers(source);
    if (found === scanIncomplete) {
      this.#heldTrailers = held === 0 ? Buffer.from(source) : source;
      return end;
    }
    return found < 0 ? start : start + found - held;
  }

  #scanTrailers(source: Buffer): number {
    const table = (this.#trailers ??= new FieldTable({
      lineBytesMax: this.#limits.trailerBytesMax,
      fieldsMax: this.#limits.trailerFieldsMax,
    }));
    table.reset();
    const found = scanFields(source, 0, source.length, table);
    const tooLong = (found === scanIncomplete ? source.length : found) > this.#limits.trailerBytesMax;
    if (found === scanIncomplete && !tooLong) return found;
    if (found < 0 || tooLong || reframes(table)) {
      this.#state = stateMalformed;
      return found < 0 ? found : scanIncomplete - 1;
    }
    this.#trailerSource = Buffer.from(source.subarray(0, found));
    this.#state = stateDone;
    return found;
  }
}

/** A late Content-Length or Transfer-Encoding would frame the message a second time. */
function reframes(table: FieldTable): boolean {
  for (let index = 0; index < table.count; index += 1) {
    const id = table.ids[index];
    if (id === fieldId.contentLength || id === fieldId.transferEncoding) return true;
  }
  return false;
}

const byteQuote = 0x22;
const byteEquals = 0x3d;
const byteBackslash = 0x5c;

const mayEndExtension = (state: number): boolean =>
  state === stateName || state === stateToken || state === stateAfterQuoted;

function nextInExtension(state: number, byte: number): number {
  const isToken = byteAt(lowerToken, byte) !== 0;
  switch (state) {
    case stateExtension:
      return isToken ? stateName : stateMalformed;
    case stateName:
      if (byte === byteEquals) return stateValue;
      if (byte === byteSemicolon) return stateExtension;
      return isToken ? stateName : stateMalformed;
    case stateValue:
      if (byte === byteQuote) return stateQuoted;
      return isToken ? stateToken : stateMalformed;
    case stateToken:
      if (byte === byteSemicolon) return stateExtension;
      return isToken ? stateToken : stateMalformed;
    case stateQuoted:
      if (byte === byteQuote) return stateAfterQuoted;
      if (byte === byteBackslash) return statePair;
      return byteAt(fieldValueByte, byte) === 1 ? stateQuoted : stateMalformed;
    case statePair:
      return byteAt(fieldValueByte, byte) === 1 ? stateQuoted : stateMalformed;
    default:
      return byte === byteSemicolon ? stateExtension : stateMalformed;
  }
}
