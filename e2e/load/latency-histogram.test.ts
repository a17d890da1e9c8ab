import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { LatencyHistogram } from './latency-histogram.ts';

test('a quantile is within 10 % of the exact one, from microseconds to minutes', () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 0.01, max: 120_000, noNaN: true }), { minLength: 1, maxLength: 300 }),
      (durations) => {
        const histogram = new LatencyHistogram();
        for (const duration of durations) histogram.add(duration);
        const sorted = durations.toSorted((a, b) => a - b);
        const { p50Ms, p99Ms, maxMs } = histogram.summary();
        for (const [share, value] of [
          [0.5, p50Ms],
          [0.99, p99Ms],
        ] as const) {
          const exact = sorted[Math.ceil(sorted.length * share) - 1] ?? 0;
          expect(value).toBeGreaterThanOrEqual(exact - 0.01);
          expect(value).toBeLessThanOrEqual(exact * 1.1 + 0.01);
        }
        expect(maxMs).toBeCloseTo(sorted.at(-1) ?? 0, 1);
      },
    ),
  );
});

test('nothing measured is null, not zero', () => {
  expect(new LatencyHistogram().summary()).toEqual({ p50Ms: null, p99Ms: null, maxMs: null });
});
