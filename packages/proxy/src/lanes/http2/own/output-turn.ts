// The outputs of all connections that have something to write at the end of this turn of the event loop, and the buffers in
// which they gather it. Knows no frame.

/** Two DATA frames of the largest size at least, and the heads of many small responses. */
const bufferBytes = 64 * 1024;
/** Idle ones that are kept. */
const buffersMax = 64;

export interface TurnOutput {
  readonly flush: () => void;
}

export class OutputTurn {
  readonly #buffers: Buffer[] = [];
  #waiting: TurnOutput[] = [];
  readonly #run = (): void => this.#flushAll();

  takeBuffer(): Buffer {
    return this.#buffers.pop() ?? Buffer.allocUnsafeSlow(bufferBytes);
  }

  /** Nobody refers to it any more. */
  giveBuffer(buffer: Buffer): void {
    if (this.#buffers.length < buffersMax) this.#buffers.push(buffer);
  }

  /** Flushed before the turn ends; once more where it was added once more. */
  add(output: TurnOutput): void {
    if (this.#waiting.length === 0) setImmediate(this.#run);
    this.#waiting.push(output);
  }

  #flushAll(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const output of waiting) output.flush();
  }
}
