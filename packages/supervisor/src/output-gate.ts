// Decides which lines of an instance are kept when it writes more than anybody can store: a budget of bytes and of
// lines per window. Pure: the caller gives the time. It never asks the app to wait.

export interface GateBudget {
  readonly bytesMax: number;
  readonly linesMax: number;
  readonly windowMs: number;
}

export class OutputGate {
  readonly #budget: GateBudget;
  #windowStart = -Infinity;
  #bytes = 0;
  #lines = 0;
  #shut = false;
  #dropped = 0;

  constructor(budget: GateBudget) {
    this.#budget = budget;
  }

  /** The budget of this window is spent: whatever comes is dropped, so it need not be looked at closely. */
  isShut(now: number): boolean {
    // A clock that was set back: a new window is better than a gate that stays shut.
    if (now - this.#windowStart >= this.#budget.windowMs || now < this.#windowStart) {
      this.#windowStart = now;
      this.#bytes = 0;
      this.#lines = 0;
      this.#shut = false;
    }
    return this.#shut;
  }

  /** Whether a line of that many bytes is kept; one that is not is counted. */
  accepts(bytes: number, now: number): boolean {
    // The first line that does not fit shuts the gate, so that shorter ones behind it do not pass in front of it.
    if (!this.isShut(now))
      this.#shut = this.#bytes + bytes > this.#budget.bytesMax || this.#lines >= this.#budget.linesMax;
    if (this.#shut) {
      this.#dropped += 1;
      return false;
    }
    this.#bytes += bytes;
    this.#lines += 1;
    return true;
  }

  /** Counts lines that were dropped without being offered. */
  drop(lines: number): void {
    this.#dropped += lines;
  }

  /** Lines dropped since the last call, to be announced once: before the next line that is kept, or when none follows. */
  takeDropped(): number {
    const dropped = this.#dropped;
    this.#dropped = 0;
    return dropped;
  }
}
