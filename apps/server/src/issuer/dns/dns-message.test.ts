import { describe, expect, it } from 'vitest';
import { encodeHeader, encodeName, encodeRecord, encodeText, readMessage } from './dns-message.ts';
import { signMessage, verifyAnswer } from './tsig.ts';

const key = { name: 'key.example', algorithm: 'hmac-sha256', secret: Buffer.from('secret') } as const;
const header = encodeHeader({ id: 0x1234, opcode: 5, counts: [0, 0, 1, 0] });
const record = { name: 'A.example', type: 16, class: 1, ttl: 60, data: encodeText('value') };
const message = Buffer.concat([header, encodeRecord(record)]);

describe('a DNS message', () => {
  it('has canonical names, and refuses labels that are too long', () => {
    expect(encodeName('Www.Example.COM.')).toEqual(Buffer.from('\x03www\x07example\x03com\x00', 'latin1'));
    expect(encodeName(`${'a'.repeat(63)}.com`)).toHaveLength(69);
    expect(() => encodeName(`${'a'.repeat(64)}.com`)).toThrow(RangeError);
    expect(() => encodeText('a'.repeat(256))).toThrow(RangeError);
  });

  it('is read back', () => {
    expect(readMessage(message)).toMatchObject({
      id: 0x1234,
      responseCode: 0,
      authorities: [{ name: 'a.example', type: 16, class: 1, ttl: 60 }],
    });
  });

  it('reads compressed names, and refuses loops and what is cut off', () => {
    const compressed = Buffer.concat([
      encodeHeader({ id: 1, opcode: 0, counts: [1, 1, 0, 0] }),
      encodeName('a.example'),
      Buffer.from([0, 16, 0, 1]),
      Buffer.from([0xc0, 14, 0, 16, 0, 1, 0, 0, 0, 60, 0, 1, 0]),
    ]);
    expect(readMessage(compressed).answers).toMatchObject([{ name: 'example', type: 16 }]);
    const loop = Buffer.from(compressed);
    loop[12 + 11 + 4 + 1] = 27;
    expect(() => readMessage(loop)).toThrow(RangeError);
    for (let length = 0; length < compressed.length; length += 1) {
      expect(() => readMessage(compressed.subarray(0, length))).toThrow(RangeError);
    }
  });
});

describe('a signature', () => {
  it('is refused for an answer to another request, changed, unsigned, or of another time', () => {
    const nowMs = 1_700_000_000_000;
    const { mac, bytes } = signMessage(message, key, nowMs);
    const request = { key, mac, nowMs };
    // A request is no answer to itself: an answer's signature covers the request's.
    expect(() => verifyAnswer(bytes, request)).toThrow(/wrong signature/);
    expect(() => verifyAnswer(message, request)).toThrow(/not signed/);
    const first = { ...request, mac: Buffer.alloc(0) };
    expect(() => verifyAnswer(bytes, first)).toThrow(/wrong signature/);
  });
});
