// Bytes that both sides can compute: byte i of seed s is BLOCK[(i + s * STEP) % BLOCK.length]. The same as
// fixtures/load-app/pattern.js. Pure.
const BLOCK_BYTES = 65_521;
const STEP = 7919;

const BLOCK = createBlock();

function createBlock(): Buffer {
  const block = Buffer.alloc(BLOCK_BYTES);
  let state = 0x9e3779b9;
  for (let index = 0; index < BLOCK_BYTES; index += 1) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    block[index] = state & 0xff;
  }
  return block;
}

export interface ByteRange {
  readonly from: number;
  readonly to: number;
}

/** The pieces of a range of the pattern, none copied. */
export function* patternPieces(seed: number, { from, to }: ByteRange): Generator<Buffer> {
  for (let offset = from; offset < to;) {
    const start = (offset + seed * STEP) % BLOCK_BYTES;
    const length = Math.min(BLOCK_BYTES - start, to - offset);
    yield BLOCK.subarray(start, start + length);
    offset += length;
  }
}

/** Where `chunk` first differs from the pattern at `offset`, or -1. */
export function firstDifference(seed: number, offset: number, chunk: Uint8Array): number {
  let compared = 0;
  for (const piece of patternPieces(seed, { from: offset, to: offset + chunk.length })) {
    const part = chunk.subarray(compared, compared + piece.length);
    if (!piece.equals(part))
      return offset + compared + piece.findIndex((byte, index) => byte !== part[index]);
    compared += piece.length;
  }
  return -1;
}
