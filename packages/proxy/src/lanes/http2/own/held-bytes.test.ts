import { randomBytes } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { HeldBytes } from './held-bytes.ts';

describe('held octets', () => {
  test('come out in order, however they came and whenever they are taken', () => {
    const step = fc.oneof(fc.nat(5_000), fc.nat(3), fc.constant('take' as const));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const held = new HeldBytes();
        const [given, got]: [Buffer[], Buffer[]] = [[], []];
        for (const each of steps) {
          if (each === 'take') {
            const piece = held.take();
            expect(piece === null).toBe(held.isEmpty && given.length === 0);
            if (piece !== null) got.push(piece);
          } else if (each > 0) {
            const around = randomBytes(each + 2);
            held.add(around, 1, each + 1);
            given.push(Buffer.from(around.subarray(1, each + 1)));
            around.fill(0);
          }
          if (held.isEmpty) {
            expect(Buffer.concat(got)).toEqual(Buffer.concat(given));
            given.length = 0;
            got.length = 0;
          }
        }
        for (let piece = held.take(); piece !== null; piece = held.take()) got.push(piece);
        expect(Buffer.concat(got)).toEqual(Buffer.concat(given));
      }),
    );
  });

  test('that came one by one are few pieces, and none of them keeps more than itself', () => {
    const held = new HeldBytes();
    for (let octet = 0; octet < 65_536; octet += 1) held.add(Buffer.of(octet), 0, 1);
    let [pieces, bytes, kept] = [0, 0, 0];
    for (let piece = held.take(); piece !== null; piece = held.take()) {
      pieces += 1;
      bytes += piece.length;
      kept += piece.buffer.byteLength;
    }
    expect(bytes).toBe(65_536);
    expect(pieces).toBeLessThanOrEqual(32);
    expect(kept).toBeLessThan(2 * bytes);
  });

  test('are gone when they are cleared', () => {
    const held = new HeldBytes();
    held.add(Buffer.from('gone'), 0, 4);
    held.clear();
    expect(held.take()).toBeNull();
    held.add(Buffer.from('here'), 0, 4);
    expect(held.take()?.toString()).toBe('here');
  });
});
