// Field blocks that came a short while ago, with what they decoded to: the same octets mean the same while the dynamic
// table is the same. Octets are compared, never hashes. Knows no HPACK.
import type { DecodedBlock } from './decoder.types.ts';

const blocksMax = 8;
const blockBytesMax = 256;

const nothing = new Uint8Array(0);

export class RecentBlocks {
  /** The version of the table that all of them were read with. */
  #version = -1;
  /** One slot of `blockBytesMax` for each block; set aside when the first is kept. */
  #octets: Uint8Array = nothing;
  readonly #lengths: number[] = [];
  readonly #decoded: DecodedBlock[] = [];
  /** The slot that is taken next: in turn. */
  #next = 0;

  /** To be called before the others: forgets what was read with another version of the table. */
  use(version: number): void {
    if (version === this.#version) return;
    this.#version = version;
    this.#lengths.length = 0;
    this.#decoded.length = 0;
    this.#next = 0;
  }

  find(block: Uint8Array, start: number, end: number): DecodedBlock | null {
    const lengths = this.#lengths;
    for (let slot = 0; slot < lengths.length; slot += 1)
      if (lengths[slot] === end - start && this.#isSame(slot * blockBytesMax, block, start, end))
        return this.#decoded[slot] ?? null;
    return null;
  }

  keep(block: Uint8Array, start: number, end: number, decoded: DecodedBlock): void {
    if (end - start > blockBytesMax) return;
    if (this.#octets.length === 0) this.#octets = new Uint8Array(blocksMax * blockBytesMax);
    const slot = this.#next;
    this.#next = (slot + 1) % blocksMax;
    const offset = slot * blockBytesMax - start;
    for (let position = start; position < end; position += 1)
      this.#octets[offset + position] = block[position] ?? 0;
    this.#lengths[slot] = end - start;
    this.#decoded[slot] = decoded;
  }

  #isSame(slotStart: number, block: Uint8Array, start: number, end: number): boolean {
    const octets = this.#octets;
    const offset = slotStart - start;
    for (let position = start; position < end; position += 1)
      if (octets[offset + position] !== block[position]) return false;
    return true;
  }
}
