// How often something happened lately: counts per second of the last ten, so that its memory does not grow with the
// traffic. Knows no clock.

const windowSeconds = 10;
/** Younger than that, a rate would be a guess. */
const spanMinMs = 1_000;

export class RateWindow {
  readonly #since: number;
  readonly #counts = new Float64Array(windowSeconds);
  #newest: number;

  /** `now`: when counting began, in milliseconds as in all other calls. */
  constructor(now: number) {
    this.#since = now;
    this.#newest = Math.floor(now / 1_000);
  }

  add(count: number, now: number): void {
    this.#advance(now);
    const at = this.#newest % windowSeconds;
    this.#counts[at] = (this.#counts[at] ?? 0) + count;
  }

  /** Per second, over the window or what there is of it; to a tenth. */
  perSecond(now: number): number {
    this.#advance(now);
    const begin = Math.max((this.#newest - windowSeconds + 1) * 1_000, this.#since);
    const total = this.#counts.reduce((sum, count) => sum + count, 0);
    return Math.round((total * 10_000) / Math.max(now - begin, spanMinMs)) / 10;
  }

  /** Seconds that were skipped had nothing; a clock that went back counts for the newest second. */
  #advance(now: number): void {
    const second = Math.floor(now / 1_000);
    for (let passed = Math.max(this.#newest, second - windowSeconds) + 1; passed <= second; passed += 1)
      this.#counts[passed % windowSeconds] = 0;
    this.#newest = Math.max(this.#newest, second);
  }
}
