import { expect, it } from 'vitest';
import { clientLimits } from '../limits.ts';
import { nextPieceBytes } from './piece-size.ts';

const { uploadPieceMinBytes: min, uploadPieceMaxBytes: max, uploadPieceMs: wantedMs } = clientLimits;

it('grows fourfold at most, and up to a limit', () => {
  expect(nextPieceBytes(min, 0)).toBe(4 * min);
  expect(nextPieceBytes(min, wantedMs / 2)).toBe(2 * min);
  expect(nextPieceBytes(max / 2, 1)).toBe(max);
  expect(nextPieceBytes(max, 1)).toBe(max);
});

it('shrinks at once to what the link can carry in the time that is wanted, down to a limit', () => {
  expect(nextPieceBytes(max, wantedMs * 8)).toBe(max / 8);
  expect(nextPieceBytes(min, wantedMs * 100)).toBe(min);
});
