import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Roll, type Seat } from './roll.ts';

describe('a roll', () => {
  it('holds exactly those who came and did not leave', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20), { maxLength: 100 }), (steps) => {
        const roll = new Roll<number>();
        const seats = new Map<number, Seat<number>>();
        for (const member of steps) {
          const seat = seats.get(member);
          if (seat === undefined) {
            seats.set(member, roll.add(member));
          } else {
            roll.remove(seat);
            seats.delete(member);
          }
          expect([...roll].sort((a, b) => a - b)).toEqual([...seats.keys()].sort((a, b) => a - b));
          expect(roll.size).toBe(seats.size);
        }
      }),
    );
  });

  it('refuses a seat that was given back', () => {
    const roll = new Roll<string>();
    const seat = roll.add('a');
    roll.remove(seat);
    expect(() => roll.remove(seat)).toThrow('A seat is given back once');
  });
});
