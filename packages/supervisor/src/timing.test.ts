import { getEventListeners } from 'node:events';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { sleep, within } from './timing.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('a sleep ends at its time and leaves nothing behind', async () => {
  const { signal } = new AbortController();
  let ended = false;
  const sleeping = sleep(100, signal).then(() => (ended = true));
  await vi.advanceTimersByTimeAsync(99);
  expect(ended).toBe(false);
  await vi.advanceTimersByTimeAsync(1);
  await sleeping;
  expect([vi.getTimerCount(), getEventListeners(signal, 'abort').length]).toEqual([0, 0]);
});

test('an abort ends it at once, before or during', async () => {
  const controller = new AbortController();
  const sleeping = sleep(1e6, controller.signal);
  controller.abort();
  await sleeping;
  await sleep(1e6, controller.signal);
  expect(vi.getTimerCount()).toBe(0);
});

test('a value within its time is given, a late one is called late, and no timer stays', async () => {
  expect(await within(Promise.resolve(7), 100)).toEqual({ kind: 'done', value: 7 });
  const late = within(new Promise<number>(() => undefined), 100);
  await vi.advanceTimersByTimeAsync(100);
  expect(await late).toEqual({ kind: 'late' });
  const controller = new AbortController();
  const calledOff = within(new Promise<number>(() => undefined), 1e6, controller.signal);
  controller.abort();
  expect(await calledOff).toEqual({ kind: 'late' });
  expect(vi.getTimerCount()).toBe(0);
});
