// The dynamic table (RFC 7541 §2.3.2, §4): a ring of names and values, the newest first in the count of indices.
// Knows no octets; its strings are latin1, so that their lengths are octets.

/** What RFC 7541 §4.1 adds to each entry. */
export const entryOverheadBytes = 32;

const ringEntriesFirst = 16;

export class DynamicTable {
  /** Rises with every change: what was read with one version reads the same while it lasts. */
  version = 0;
  bytes = 0;
  count = 0;
  bytesMax: number;
  /** Names and values in turn; a power of two of entries. */
  #ring: string[] = [];
  #mask = -1;
  /** The entry that the next field is put in. */
  #next = 0;

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax;
  }

  /** `index` counts from 0, the newest, and is below `count`. */
  nameAt(index: number): string {
    return this.#ring[((this.#next - 1 - index) & this.#mask) * 2] ?? '';
  }

  valueAt(index: number): string {
    return this.#ring[((this.#next - 1 - index) & this.#mask) * 2 + 1] ?? '';
  }

  /** A dynamic table size update (RFC 7541 §4.3, §6.3). */
  resize(bytesMax: number): void {
    this.version += 1;
    this.bytesMax = bytesMax;
    this.#evictDownTo(bytesMax);
  }

  add(name: string, value: string): void {
    const entryBytes = name.length + value.length + entryOverheadBytes;
    this.version += 1;
    this.#evictDownTo(this.bytesMax - entryBytes);
    if (this.count > this.#mask) this.#grow();
    this.#ring[this.#next * 2] = name;
    this.#ring[this.#next * 2 + 1] = value;
    this.#next = (this.#next + 1) & this.#mask;
    this.count += 1;
    this.bytes += entryBytes;
  }

  /** What is left of an entry larger than the table: no entry at all, and no error (RFC 7541 §4.4). */
  empty(): void {
    this.version += 1;
    this.#evictDownTo(0);
  }

  #evictDownTo(bytes: number): void {
    while (this.bytes > bytes && this.count > 0) {
      const oldest = ((this.#next - this.count) & this.#mask) * 2;
      this.bytes -=
        (this.#ring[oldest]?.length ?? 0) + (this.#ring[oldest + 1]?.length ?? 0) + entryOverheadBytes;
      // The strings are let go, not only forgotten.
      this.#ring[oldest] = '';
      this.#ring[oldest + 1] = '';
      this.count -= 1;
    }
  }

  /** Most clients need a few entries: the ring doubles as it fills, up to what `bytesMax` has room for. */
  #grow(): void {
    const entries = this.#mask < 0 ? ringEntriesFirst : (this.#mask + 1) * 2;
    const ring = Array.from({ length: entries * 2 }, () => '');
    for (let index = 0; index < this.count; index += 1) {
      const entry = (this.count - 1 - index) * 2;
      ring[entry] = this.nameAt(index);
      ring[entry + 1] = this.valueAt(index);
    }
    this.#ring = ring;
    this.#mask = entries - 1;
    this.#next = this.count;
  }
}
