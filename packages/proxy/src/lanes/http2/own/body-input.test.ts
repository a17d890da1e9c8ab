// A request body against its windows (RFC 9113 §5.2, §6.9).
import { describe, expect, test } from 'vitest';
import { errorCode } from '../../../h2/codes.ts';
import { BodyInput } from './body-input.ts';

interface Recorded {
  readonly input: BodyInput;
  readonly credits: number[];
  readonly chunks: string[];
}

function inputOf(windowBytes: number, length: number | null = null): Recorded {
  const credits: number[] = [];
  const events = {
    received: () => undefined,
    ended: () => undefined,
    credit: (n: number) => credits.push(n),
  };
  return { input: new BodyInput({ windowBytes, length, events }), credits, chunks: [] };
}

const give = ({ input }: Recorded, bytes: number, padding = 0): number =>
  input.take(Buffer.alloc(bytes, 'x'), 0, bytes, bytes + padding);

function read({ input, chunks }: Recorded): void {
  input.read({ data: (chunk) => void chunks.push(chunk.toString()), end: () => void chunks.push('end') });
}

describe('a body of a request', () => {
  test('that is not wanted yet may fill its window, and not exceed it', () => {
    const body = inputOf(100);
    expect([give(body, 60), give(body, 40), give(body, 0), give(body, 1)]).toEqual([
      errorCode.noError,
      errorCode.noError,
      errorCode.noError,
      errorCode.flowControlError,
    ]);
    expect(body.credits).toEqual([]);
  });

  test('ends without a window where SETTINGS have made it negative', () => {
    const body = inputOf(65_535);
    expect(give(body, 60_000)).toBe(errorCode.noError);
    body.input.widen(1_000 - 65_535);
    expect(give(body, 0)).toBe(errorCode.noError);
    expect(body.input.end([])).toBe(errorCode.noError);
  });

  test('is given credit within a window that SETTINGS have narrowed', () => {
    const body = inputOf(65_535);
    body.input.widen(1_000 - 65_535);
    read(body);
    let sent = 0;
    for (let turn = 0; turn < 20; turn += 1) {
      expect(give(body, 500)).toBe(errorCode.noError);
      sent += 500;
    }
    expect(body.credits.reduce((sum, each) => sum + each, 0)).toBe(sent);
  });

  test('is given credit for its padding while nobody reads it', () => {
    const body = inputOf(100);
    for (let turn = 0; turn < 20; turn += 1) expect(give(body, 1, 24)).toBe(errorCode.noError);
    expect(body.credits.length).toBeGreaterThan(5);
  });

  test('that came octet by octet is read in few pieces', () => {
    const body = inputOf(65_535, 60_000);
    for (let octet = 0; octet < 60_000; octet += 1) expect(give(body, 1)).toBe(errorCode.noError);
    expect(body.input.end([])).toBe(errorCode.noError);
    read(body);
    expect(body.chunks.pop()).toBe('end');
    expect(body.chunks.length).toBeLessThan(40);
    expect(body.chunks.join('')).toHaveLength(60_000);
  });

  test('may be paused, resumed and dropped by whoever is being told of it', () => {
    const body = inputOf(1_000);
    const { input } = body;
    for (const bytes of [1, 2]) give(body, bytes);
    const told: string[] = [];
    input.read({
      data: (chunk) => {
        told.push(chunk.toString());
        input.pause();
        input.resume();
        if (told.length === 2) input.discard();
      },
      end: () => void told.push('end'),
    });
    give(body, 1);
    give(body, 1);
    expect(input.end([])).toBe(errorCode.noError);
    expect(told).toEqual(['xxx', 'x']);
  });
});
