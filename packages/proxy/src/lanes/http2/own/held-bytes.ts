// Octets that wait for their reader, put together where they came in small pieces: a window filled octet by octet takes
// hardly more memory than one filled at once. Knows no stream.

const blockBytes = 2 * 1024;

export class HeldBytes {
  #pieces: Buffer[] = [];
  /** Octets of the last piece that are used; it is a whole block, its rest for what comes next. */
  #lastUsed = 0;

  get isEmpty(): boolean {
    return this.#pieces.length === 0;
  }

  /** The octets are copied. */
  add(source: Buffer, start: number, end: number): void {
    let at = start;
    const last = this.#pieces.at(-1);
    if (last !== undefined) {
      const copied = source.copy(last, this.#lastUsed, start, end);
      this.#lastUsed += copied;
      at += copied;
    }
    if (at === end) return;
    // Not from the pool: what is held must not keep all that lies beside it.
    const piece = Buffer.allocUnsafeSlow(Math.max(blockBytes, end - at));
    this.#lastUsed = source.copy(piece, 0, at, end);
    this.#pieces.push(piece);
  }

  /** The piece that came first, the caller's from here on; null: there is none. */
  take(): Buffer | null {
    const piece = this.#pieces.shift();
    if (piece === undefined) return null;
    return this.isEmpty ? piece.subarray(0, this.#lastUsed) : piece;
  }

  clear(): void {
    this.#pieces = [];
  }
}
