// Decodes the field blocks of one connection, in order (RFC 7541 §3.2, §6), within limits. Strict: what the RFC calls a
// decoding error ends the connection. Knows no frames and no meaning of any field.
import { BlockReader } from './block-reader.ts';
import type { DecodedBlock, DecoderLimits } from './decoder.types.ts';
import { DynamicTable, entryOverheadBytes } from './dynamic-table.ts';
import { RecentBlocks } from './recent-blocks.ts';
import { staticFields, staticIndexMax } from './static-table.ts';

// The first bits of each representation (RFC 7541 §6), and the bits that its integer has in the first octet.
const indexedFlag = 0x80;
const indexedMask = 0x7f;
const incrementalFlag = 0x40;
const incrementalMask = 0x3f;
const sizeUpdateFlag = 0x20;
const sizeUpdateMask = 0x1f;
/** Without indexing and never indexed: the same to who keeps neither. */
const literalMask = 0x0f;

/**
 * The size that a client's table has until it says another one (RFC 9113 §6.5.2). It may use it before our settings
 * come to it, so that it holds here too, whatever they are.
 */
const tableBytesInitial = 4_096;

/** The smallest size since the last block, then the final one (RFC 7541 §4.2). */
const sizeUpdatesMax = 2;

export class HpackDecoder {
  readonly #limits: DecoderLimits;
  readonly #table = new DynamicTable(tableBytesInitial);
  readonly #reader = new BlockReader();
  readonly #recent = new RecentBlocks();
  // Of the block that is read.
  #fields: string[] = [];
  #sectionBytes = 0;
  #isTooLarge = false;

  constructor(limits: DecoderLimits) {
    this.#limits = limits;
  }

  /** `block` holds one whole field block in [start, end). Null: a COMPRESSION_ERROR, the connection must end. */
  decode(block: Buffer, start: number, end: number): DecodedBlock | null {
    const version = this.#table.version;
    this.#recent.use(version);
    const recent = this.#recent.find(block, start, end);
    if (recent !== null) return recent;
    this.#fields = [];
    this.#sectionBytes = 0;
    this.#isTooLarge = false;
    this.#reader.open(block, start, end);
    const isRead = this.#readSizeUpdates() && this.#readFields();
    this.#reader.close();
    if (!isRead) return null;
    const decoded: DecodedBlock = { fields: this.#fields, isTooLarge: this.#isTooLarge };
    if (version === this.#table.version) this.#recent.keep(block, start, end, decoded);
    return decoded;
  }

  /** They stand at the beginning of a block only (RFC 7541 §4.2). */
  #readSizeUpdates(): boolean {
    for (let count = 0; count < sizeUpdatesMax; count += 1) {
      if (this.#reader.isAtEnd || this.#reader.peek() >>> 5 !== 1) return true;
      const bytesMax = this.#reader.readInteger(sizeUpdateMask);
      if (bytesMax < 0 || bytesMax > this.#limits.tableBytesMax) return false;
      this.#table.resize(bytesMax);
    }
    return true;
  }

  #readFields(): boolean {
    const reader = this.#reader;
    while (!reader.isAtEnd) {
      const octet = reader.peek();
      if ((octet & indexedFlag) !== 0) {
        if (!this.#readIndexed()) return false;
      } else if ((octet & incrementalFlag) !== 0) {
        if (!this.#readIncremental()) return false;
      } else if ((octet & sizeUpdateFlag) !== 0 || !this.#readLiteral()) return false;
    }
    return true;
  }

  #readIndexed(): boolean {
    const index = this.#reader.readInteger(indexedMask);
    if (index <= 0) return false;
    if (index <= staticIndexMax) {
      this.#collect(staticFields[index * 2 - 2] ?? '', staticFields[index * 2 - 1] ?? '');
      return true;
    }
    const table = this.#table;
    const entry = index - staticIndexMax - 1;
    if (entry >= table.count) return false;
    this.#collect(table.nameAt(entry), table.valueAt(entry));
    return true;
  }

  #readIncremental(): boolean {
    const table = this.#table;
    const bytesMax = Math.max(table.bytesMax - entryOverheadBytes, this.#bytesLeft());
    const name = this.#readName(incrementalMask, bytesMax);
    if (name === null) return false;
    const nameBytes = this.#reader.textBytes;
    const value = this.#reader.readText(bytesMax - nameBytes);
    if (value === null) return false;
    const textBytes = nameBytes + this.#reader.textBytes;
    if (textBytes <= this.#bytesLeft()) this.#collect(name, value);
    else this.#isTooLarge = true;
    if (textBytes + entryOverheadBytes <= table.bytesMax) table.add(name, value);
    else table.empty();
    return true;
  }

  #readLiteral(): boolean {
    const bytesMax = this.#bytesLeft();
    const name = this.#readName(literalMask, bytesMax);
    if (name === null) return false;
    const nameBytes = this.#reader.textBytes;
    const value = this.#reader.readText(bytesMax - nameBytes);
    if (value === null) return false;
    if (nameBytes + this.#reader.textBytes <= bytesMax) this.#collect(name, value);
    else this.#isTooLarge = true;
    return true;
  }

  /** By index or as text; its octets are in `textBytes` of the reader. */
  #readName(prefixMask: number, bytesMax: number): string | null {
    const reader = this.#reader;
    const index = reader.readInteger(prefixMask);
    if (index < 0) return null;
    if (index === 0) return reader.readText(bytesMax);
    const entry = index - staticIndexMax - 1;
    if (entry >= this.#table.count) return null;
    const name = entry < 0 ? (staticFields[index * 2 - 2] ?? '') : this.#table.nameAt(entry);
    reader.textBytes = name.length;
    return name;
  }

  /** Octets of text that another field may have; below zero: no other field may come. */
  #bytesLeft(): number {
    if (this.#isTooLarge || this.#fields.length >= this.#limits.fieldsMax * 2) return -1;
    return this.#limits.sectionBytesMax - this.#sectionBytes - entryOverheadBytes;
  }

  #collect(name: string, value: string): void {
    const textBytes = name.length + value.length;
    if (textBytes > this.#bytesLeft()) {
      this.#isTooLarge = true;
      return;
    }
    this.#sectionBytes += textBytes + entryOverheadBytes;
    this.#fields.push(name, value);
  }
}
