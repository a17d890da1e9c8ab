import { expect, test } from 'vitest';
import { calmBackoff, nextBackoff } from './backoff.ts';

function exits(times: readonly number[], chance = 0.5, ranMs = 10): ReturnType<typeof nextBackoff>[] {
  const steps: ReturnType<typeof nextBackoff>[] = [];
  let state = calmBackoff;
  for (const at of times) {
    const step = nextBackoff(state, { at, ranMs, chance });
    steps.push(step);
    state = step.state;
  }
  return steps;
}

test('delays double from half a second to a minute, and stay there', () => {
  const delays = exits(
    Array.from({ length: 12 }, (_, index) => index * 1e6),
    0.999_999,
  ).map(({ delayMs }) => delayMs);
  expect(delays).toEqual([500, 1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000, 60000, 60000, 60000]);
});

test('chance spreads the upper half, and never goes below half a second', () => {
  expect(exits([0, 1, 2, 3], 0).map(({ delayMs }) => delayMs)).toEqual([500, 500, 1000, 2000]);
  expect(exits([0, 1, 2, 3], 0.5).map(({ delayMs }) => delayMs)).toEqual([500, 750, 1500, 3000]);
});

test('five exits in a minute are a crash loop, four are not', () => {
  expect(exits([0, 1e3, 2e3, 3e3]).at(-1)?.state.crashLoop).toBe(false);
  expect(exits([0, 1e3, 2e3, 3e3, 59_999]).at(-1)?.state.crashLoop).toBe(true);
  expect(exits([0, 1e3, 2e3, 3e3, 60_000]).at(-1)?.state.crashLoop).toBe(false);
});

test('a crash loop is not over because its own delays grew', () => {
  const steps = exits([0, 1, 2, 3, 4, 1e6, 2e6]);
  expect(steps.slice(4).map(({ state }) => state.crashLoop)).toEqual([true, true, true]);
});

test('an instance that was stable starts the count over', () => {
  const looping = exits([0, 1, 2, 3, 4]).at(-1)?.state ?? calmBackoff;
  const justNot = nextBackoff(looping, { at: 1e6, ranMs: 59_999, chance: 0.5 });
  expect(justNot.state).toMatchObject({ failures: 6, crashLoop: true });
  const stable = nextBackoff(looping, { at: 1e6, ranMs: 60_000, chance: 0.999_999 });
  expect(stable).toEqual({ state: { failures: 1, recentExits: [1e6], crashLoop: false }, delayMs: 500 });
});
