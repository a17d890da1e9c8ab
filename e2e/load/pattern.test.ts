import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { firstDifference, patternPieces } from './pattern.ts';

const bytesOf = (seed: number, from: number, to: number): Buffer =>
  Buffer.concat([...patternPieces(seed, { from, to })]);

test('a range is the same bytes however it is cut, and one changed byte is found where it is', () => {
  const range = {
    seed: fc.nat(10_000),
    from: fc.nat(200_000),
    length: fc.integer({ min: 1, max: 150_000 }),
    at: fc.nat(),
  };
  fc.assert(
    fc.property(fc.record(range), ({ seed, from, length, at }) => {
      const whole = bytesOf(seed, from, from + length);
      const cut = at % length;
      expect(
        Buffer.concat([bytesOf(seed, from, from + cut), bytesOf(seed, from + cut, from + length)]).equals(
          whole,
        ),
      ).toBe(true);
      expect(firstDifference(seed, from, whole)).toBe(-1);
      whole[cut] = (whole[cut] ?? 0) ^ 0x10;
      expect(firstDifference(seed, from, whole)).toBe(from + cut);
    }),
    { numRuns: 50 },
  );
});

test('seeds that follow one another give different bytes', () => {
  expect(bytesOf(1, 0, 64).equals(bytesOf(2, 0, 64))).toBe(false);
});
