import { expect, test } from 'vitest';
import { OutputGate } from './output-gate.ts';

const budget = { bytesMax: 100, linesMax: 5, windowMs: 1_000 };

test('lines pass up to the budget, exactly', () => {
  const gate = new OutputGate(budget);
  expect([gate.accepts(60, 0), gate.accepts(40, 1)]).toEqual([true, true]);
  expect(gate.takeDropped()).toBe(0);
});

test('one byte past the budget shuts the gate for the rest of the window, also for shorter lines', () => {
  const gate = new OutputGate(budget);
  expect([gate.accepts(60, 0), gate.accepts(41, 1), gate.accepts(1, 2), gate.isShut(999)]).toEqual([
    true,
    false,
    false,
    true,
  ]);
  expect(gate.accepts(1, 1_000)).toBe(true);
  expect([gate.takeDropped(), gate.takeDropped()]).toEqual([2, 0]);
});

test('one line past the number of lines shuts it too', () => {
  const gate = new OutputGate(budget);
  const verdicts = Array.from({ length: 6 }, () => gate.accepts(1, 0));
  expect(verdicts).toEqual([true, true, true, true, true, false]);
  gate.drop(10);
  expect(gate.takeDropped()).toBe(11);
});

test('a clock set back opens it instead of keeping it shut for hours', () => {
  const gate = new OutputGate(budget);
  gate.accepts(101, 10_000_000);
  expect(gate.isShut(10_000_500)).toBe(true);
  expect(gate.accepts(1, 5)).toBe(true);
});
