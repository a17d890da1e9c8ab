import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { closeFrameToServer, WebSocketFrames } from './websocket-frames.ts';

/** One frame on the wire (RFC 6455 §5.2). */
function frameOf(payload: number, masked: boolean): Buffer {
  const maskBit = masked ? 0x80 : 0;
  const head =
    payload < 126
      ? Buffer.from([0x82, maskBit | payload])
      : payload < 65_536
        ? Buffer.from([0x82, maskBit | 126, payload >> 8, payload & 0xff])
        : Buffer.concat([Buffer.from([0x82, maskBit | 127]), bigLength(payload)]);
  return Buffer.concat([head, Buffer.alloc(masked ? 4 : 0, 0xaa), Buffer.alloc(payload, 0x82)]);
}

function bigLength(length: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(length));
  return bytes;
}

describe('WebSocket frames', () => {
  test('are at a boundary exactly at the end of each frame, however the bytes are cut', () => {
    const size = fc.constantFrom(0, 1, 5, 125, 126, 127, 65_535, 65_536, 70_000);
    const frames = fc.array(fc.tuple(size, fc.boolean()), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(frames, fc.integer({ min: 1, max: 40_000 }), (list, step) => {
        const encoded = list.map(([payload, masked]) => frameOf(payload, masked));
        const ends = new Set<number>([0]);
        let total = 0;
        for (const frame of encoded) ends.add((total += frame.length));
        const bytes = Buffer.concat(encoded);
        const tracker = new WebSocketFrames();
        for (let at = 0; at < bytes.length; at += step) {
          tracker.push(bytes.subarray(at, at + step));
          expect(tracker.isAtBoundary).toBe(ends.has(Math.min(at + step, bytes.length)));
        }
        expect(tracker.isAtBoundary).toBe(true);
      }),
      { numRuns: 200 },
    );
  });

  test('octet by octet', () => {
    const tracker = new WebSocketFrames();
    const frame = frameOf(200, true);
    for (const [index, octet] of [...frame].entries()) {
      tracker.push(Buffer.from([octet]));
      expect(tracker.isAtBoundary).toBe(index === frame.length - 1);
    }
  });

  test('a close frame to a server is masked and says 1001', () => {
    const frame = closeFrameToServer(Buffer.from([1, 2, 3, 4]));
    expect(frame.subarray(0, 6)).toEqual(Buffer.from([0x88, 0x82, 1, 2, 3, 4]));
    expect([(frame[6] ?? 0) ^ 1, (frame[7] ?? 0) ^ 2]).toEqual([0x03, 0xe9]);
  });
});
