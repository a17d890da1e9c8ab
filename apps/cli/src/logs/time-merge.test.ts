import { expect, it, vi } from 'vitest';
import { createTimeMerge } from './time-merge.ts';

const collect = (windowMs: number) => {
  const out: number[] = [];
  return { out, merge: createTimeMerge<{ at: number }>({ windowMs, onItem: ({ at }) => void out.push(at) }) };
};

it('gives everything at once after the release without a window', () => {
  const { out, merge } = collect(0);
  merge.release();
  for (const at of [3, 1, 2]) merge.push({ at });
  expect(out).toEqual([3, 1, 2]);
});

it('sorts what came before the release, those of one time as they came, and what is left at the end', () => {
  const { out, merge } = collect(250);
  for (const at of [30, 10, 20]) merge.push({ at });
  expect(out).toEqual([]);
  merge.release();
  merge.release();
  expect(out).toEqual([10, 20, 30]);
  for (const at of [60, 40]) merge.push({ at });
  merge.end();
  expect(out).toEqual([10, 20, 30, 40, 60]);
});

it('holds what is new for its window, so that an older one of another stream comes before it', () => {
  vi.useFakeTimers();
  const { out, merge } = collect(250);
  merge.release();
  merge.push({ at: 200 });
  vi.advanceTimersByTime(100);
  merge.push({ at: 100 });
  merge.push({ at: 300 });
  vi.advanceTimersByTime(150);
  expect(out).toEqual([100, 200]);
  vi.advanceTimersByTime(500);
  expect(out).toEqual([100, 200, 300]);
  merge.end();
  vi.useRealTimers();
});
