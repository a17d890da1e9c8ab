// Counts of durations in logarithmic buckets, eight to a doubling: constant memory, quantiles within 9 %.
const BUCKETS_PER_DOUBLING = 8;
const BUCKETS = 32 * BUCKETS_PER_DOUBLING;

export interface LatencySummary {
  /** Milliseconds; null when nothing was measured. */
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  readonly maxMs: number | null;
}

export class LatencyHistogram {
  readonly #counts = new Uint32Array(BUCKETS);
  #total = 0;
  #maxMs = 0;

  add(durationMs: number): void {
    const micros = Math.max(1, durationMs * 1000);
    const bucket = Math.min(BUCKETS - 1, Math.floor(Math.log2(micros) * BUCKETS_PER_DOUBLING));
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#total += 1;
    this.#maxMs = Math.max(this.#maxMs, durationMs);
  }

  summary(): LatencySummary {
    if (this.#total === 0) return { p50Ms: null, p99Ms: null, maxMs: null };
    return { p50Ms: this.#quantile(0.5), p99Ms: this.#quantile(0.99), maxMs: round(this.#maxMs) };
  }

  /** The upper edge of the bucket in which the quantile lies, never above the maximum. */
  #quantile(share: number): number {
    const rank = Math.ceil(this.#total * share);
    let seen = 0;
    for (const [bucket, count] of this.#counts.entries()) {
      seen += count;
      if (seen >= rank)
        return round(Math.min(this.#maxMs, 2 ** ((bucket + 1) / BUCKETS_PER_DOUBLING) / 1000));
    }
    return round(this.#maxMs);
  }
}

function round(ms: number): number {
  return Math.round(ms * 100) / 100;
}
