import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { Tally } from './tally.ts';

test('sums what several planes counted since their start', () => {
  const tally = new Tally();
  tally.report(1, { requests: 5 });
  tally.report(2, { requests: 7 });
  tally.report(1, { requests: 6 });
  expect(tally.get('requests')).toBe(13);
});

test('keeps what a plane counted that died, and counts its successor anew, whatever its number', () => {
  const tally = new Tally();
  tally.report(1, { requests: 5 });
  tally.forgetPlane(1);
  tally.report(1, { requests: 2 });
  expect(tally.get('requests')).toBe(7);
});

test('a plane that begins again at zero takes nothing away', () => {
  const tally = new Tally();
  tally.report(1, { requests: 5 });
  tally.report(1, { requests: 1 });
  expect(tally.get('requests')).toBe(6);
});

test('goes on where it was saved: planes that live on are not counted twice, others not continued', () => {
  const first = new Tally();
  first.report(1, { requests: 5 });
  first.report(2, { requests: 10 });
  const second = new Tally(first.saved, new Set([1]));
  second.report(1, { requests: 8 });
  second.report(2, { requests: 1 });
  expect(second.get('requests')).toBe(19);
});

test('lists by beginning', () => {
  const tally = new Tally();
  tally.report(1, { 'status.200': 1, 'status.404': 2, other: 3 });
  expect(tally.under('status.')).toEqual([
    ['200', 1],
    ['404', 2],
  ]);
});

test('never falls, whatever planes say and however they come and go', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('report' as const), plane: fc.nat(3), value: fc.nat(100) }),
    fc.record({ kind: fc.constant('forget' as const), plane: fc.nat(3), value: fc.constant(0) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 50 }), (steps) => {
      const tally = new Tally();
      let before = 0;
      for (const { kind, plane, value } of steps) {
        if (kind === 'report') tally.report(plane, { n: value });
        else tally.forgetPlane(plane);
        expect(tally.get('n')).toBeGreaterThanOrEqual(before);
        before = tally.get('n');
      }
    }),
  );
});
