import { describe, expect, test } from 'vitest';
import { frame } from '../conformance/http2-frames.ts';
import { FrameCutter } from './frame-cutter.ts';

const largest = 16_384;
const frames = [
  frame(4, 0, 0),
  frame(0, 1, 3, Buffer.from('body')),
  frame(255, 0xff, 2 ** 31 - 1, Buffer.alloc(300, 'x')),
  frame(6, 0, 0, Buffer.alloc(8)),
];
const whole = Buffer.concat(frames);

interface Cut {
  readonly told: string[];
  readonly cutter: FrameCutter;
}

/** Stops after so many frames. */
function cutterOf(most = Infinity): Cut {
  const told: string[] = [];
  const cutter = new FrameCutter({
    frame: ({ type, flags, stream, payloadBytes }, buffer, start, end) => {
      expect(end - start).toBe(payloadBytes);
      told.push(`${type} ${flags} ${stream} ${buffer.toString('latin1', start, end)}`);
      return told.length < most;
    },
    frameTooLarge: () => told.push('too large'),
  });
  return { told, cutter };
}

const expected = ((): readonly string[] => {
  const { told, cutter } = cutterOf();
  cutter.push(whole, 0, whole.length);
  return told;
})();

describe('frames', () => {
  test('are told with all that their head says', () => {
    expect(expected.map((text) => text.slice(0, 18))).toEqual([
      '4 0 0 ',
      '0 1 3 body',
      '255 255 2147483647',
      `6 0 0 ${'\0'.repeat(8)}`,
    ]);
  });

  test('are the same wherever a read ends', () => {
    for (let at = 0; at <= whole.length; at += 1) {
      const { told, cutter } = cutterOf();
      // The buffer is read into again.
      const buffer = Buffer.alloc(whole.length, 0xee);
      whole.copy(buffer, 0, 0, at);
      cutter.push(buffer, 0, at);
      buffer.fill(0xee);
      whole.copy(buffer, 5 > at ? 0 : 5, at);
      const start = 5 > at ? 0 : 5;
      cutter.push(buffer, start, start + whole.length - at);
      expect(told).toEqual(expected);
    }
  });

  test('are the same octet by octet', () => {
    const { told, cutter } = cutterOf();
    for (const octet of whole) cutter.push(Buffer.of(0xee, octet, 0xee), 1, 2);
    expect(told).toEqual(expected);
  });

  test.each([1, 5, 9, 20])(
    'of the largest size are taken, and no larger, %i octets at a time first',
    (first) => {
      for (const bytes of [largest, largest + 1]) {
        const { told, cutter } = cutterOf();
        const octets = Buffer.concat([frame(0, 0, 1, Buffer.alloc(bytes)), frame(6, 0, 0)]);
        cutter.push(octets, 0, first);
        // Whoever was told that one is too large gives no more.
        if (told.length === 0) cutter.push(octets, first, octets.length);
        if (bytes === largest) expect(told.map((text) => text.slice(0, 5))).toEqual(['0 0 1', '6 0 0']);
        else expect(told).toEqual(['too large']);
      }
    },
  );

  test('are not told once they are not wanted', () => {
    for (const first of [0, 3, 12]) {
      const { told, cutter } = cutterOf(2);
      cutter.push(whole, 0, first);
      cutter.push(whole, first, whole.length);
      expect(told).toEqual(expected.slice(0, 2));
    }
  });
});
