// Cuts a byte stream into lines of bounded length, without decoding; bytes go out as views that live only during the
// call. Knows nothing of streams, gates or logs.

const lineFeed = 0x0a;
const carriageReturn = 0x0d;

/** How far to go back from `end` so that no UTF-8 sequence is cut in two (RFC 3629 §3); at most 3 bytes. */
function characterBoundary(bytes: Buffer, end: number): number {
  for (let back = 1; back <= 3 && back < end; back += 1) {
    const byte = bytes[end - back] ?? 0;
    if (byte < 0x80) return end;
    if (byte >= 0xc0) {
      const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
      return length > back ? end - back : end;
    }
  }
  return end;
}

export class LineSplitter {
  readonly #bytesMax: number;
  readonly #onLine: (line: Buffer) => void;
  #held: Buffer = Buffer.alloc(0);
  #heldBytes = 0;
  /** The begun line is the rest of one that was cut. */
  #continues = false;
  /** What comes up to the next line feed belongs to a line that was skipped. */
  #skipping = false;

  /** `onLine` gets the line without its end (LF or CRLF); it must copy or decode what it keeps. */
  constructor(bytesMax: number, onLine: (line: Buffer) => void) {
    this.#bytesMax = bytesMax;
    this.#onLine = onLine;
  }

  push(chunk: Buffer): void {
    let start = 0;
    if (this.#skipping) {
      const at = chunk.indexOf(lineFeed);
      if (at === -1) return;
      this.#skipping = false;
      start = at + 1;
    }
    while (start < chunk.length) {
      const at = chunk.indexOf(lineFeed, start);
      const end = at === -1 ? chunk.length : at;
      this.#append(chunk.subarray(start, end), at !== -1);
      start = end + 1;
    }
  }

  /** Passes over a chunk, and over the line begun before it, as cheaply as can be; returns how many lines are lost. */
  skip(chunk: Buffer): number {
    if (chunk.length === 0) return 0;
    // Beginnings are counted; the line that goes on from before was counted by the call that skipped its beginning.
    let lines = this.#skipping ? 0 : 1;
    for (let at = 0; at < chunk.length - 1; at += 1) if (chunk[at] === lineFeed) lines += 1;
    this.#skipping = chunk.at(-1) !== lineFeed;
    this.#continues = false;
    this.#heldBytes = 0;
    return lines;
  }

  /** The stream ended: what is held is a line too. */
  flush(): void {
    if (this.#heldBytes === 0) return;
    const rest = this.#held.subarray(0, this.#heldBytes);
    this.#heldBytes = 0;
    this.#emit(rest);
  }

  /** The begun line, for whoever reads on (a handoff). */
  takeHeld(): Buffer {
    const rest = Buffer.from(this.#held.subarray(0, this.#heldBytes));
    this.#heldBytes = 0;
    return rest;
  }

  #append(piece: Buffer, complete: boolean): void {
    let rest = piece;
    while (this.#heldBytes + rest.length > this.#bytesMax) rest = this.#cut(rest);
    if (!complete) {
      this.#hold(rest);
      return;
    }
    if (this.#heldBytes === 0) {
      this.#emit(rest);
      return;
    }
    this.#hold(rest);
    this.flush();
  }

  /** Emits one line of at most `bytesMax` bytes from what is held and `piece`; returns what is left of `piece`. */
  #cut(piece: Buffer): Buffer {
    const room = this.#bytesMax - this.#heldBytes;
    this.#hold(piece.subarray(0, room));
    const full = this.#held.subarray(0, this.#heldBytes);
    const end = characterBoundary(full, full.length);
    const tail = Buffer.from(full.subarray(end));
    this.#onLine(full.subarray(0, end));
    this.#heldBytes = 0;
    this.#continues = true;
    this.#hold(tail);
    return piece.subarray(room);
  }

  #hold(piece: Buffer): void {
    const needed = this.#heldBytes + piece.length;
    if (needed > this.#held.length) {
      const grown = Buffer.allocUnsafe(
        Math.min(this.#bytesMax, Math.max(needed, this.#held.length * 2, 256)),
      );
      this.#held.copy(grown, 0, 0, this.#heldBytes);
      this.#held = grown;
    }
    piece.copy(this.#held, this.#heldBytes);
    this.#heldBytes = needed;
  }

  #emit(line: Buffer): void {
    const end = line.at(-1) === carriageReturn ? line.length - 1 : line.length;
    // After a cut, nothing but a carriage return is the end of that line, not a line of its own.
    const isEndOfCutLine = this.#continues && end === 0;
    this.#continues = false;
    if (!isEndOfCutLine) this.#onLine(line.subarray(0, end));
  }
}
