import { expect, test } from 'vitest';
import { RateWindow } from './rate-window.ts';

test('steady traffic shows its rate', () => {
  const window = new RateWindow(0);
  for (let now = 0; now < 30_000; now += 250) window.add(5, now);
  expect(window.perSecond(29_999)).toBeCloseTo(20, 1);
});

test('a burst is spread over the window and gone after it', () => {
  const window = new RateWindow(0);
  window.add(100, 20_000);
  expect(window.perSecond(20_000)).toBeCloseTo(11.1, 1);
  expect(window.perSecond(29_999)).toBeCloseTo(10, 1);
  expect(window.perSecond(30_000)).toBe(0);
});

test('a young window divides by its age, never by less than a second', () => {
  const window = new RateWindow(5_000);
  window.add(4, 5_100);
  expect(window.perSecond(5_200)).toBe(4);
  expect(window.perSecond(7_000)).toBe(2);
});

test('a pause much longer than the window leaves nothing', () => {
  const window = new RateWindow(0);
  window.add(7, 500);
  window.add(3, 1_000_000);
  expect(window.perSecond(1_000_999)).toBe(0.3);
});

test('a clock that goes back loses nothing and breaks nothing', () => {
  const window = new RateWindow(100_000);
  window.add(5, 101_000);
  window.add(5, 90_000);
  expect(window.perSecond(101_000)).toBe(10);
});
