import { expect, test } from 'vitest';
import { bucketBoundsMs, Histogram } from './histogram.ts';

test('a duration at a bound belongs to its bucket, one past it to the next', () => {
  for (const [index, bound] of bucketBoundsMs.entries()) {
    const histogram = new Histogram();
    histogram.observe(bound);
    histogram.observe(bound + 0.001);
    const { buckets, sumMs } = histogram.counts;
    expect(buckets[index]).toBe(1);
    expect(buckets[index + 1]).toBe(1);
    expect(buckets.reduce((sum, count) => sum + count, 0)).toBe(2);
    expect(sumMs).toBeCloseTo(2 * bound + 0.001);
  }
});

test('the bounds rise', () => {
  expect(bucketBoundsMs.toSorted((a, b) => a - b)).toEqual(bucketBoundsMs);
});
