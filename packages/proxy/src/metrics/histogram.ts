// Durations counted into fixed buckets. Adding one allocates nothing.
import type { HistogramCounts } from '../control/messages.ts';

/** Upper bounds, inclusive: from what a cached answer takes to the longest time-out. One more bucket holds the rest. */
export const bucketBoundsMs: readonly number[] = Object.freeze([
  1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000,
]);

export class Histogram {
  readonly #counts = new Float64Array(bucketBoundsMs.length + 1);
  #sumMs = 0;

  observe(milliseconds: number): void {
    let at = 0;
    while (at < bucketBoundsMs.length && milliseconds > (bucketBoundsMs[at] ?? 0)) at += 1;
    this.#counts[at] = (this.#counts[at] ?? 0) + 1;
    this.#sumMs += milliseconds;
  }

  get counts(): HistogramCounts {
    return { buckets: [...this.#counts], sumMs: this.#sumMs };
  }
}
