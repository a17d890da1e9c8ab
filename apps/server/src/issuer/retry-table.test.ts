import { describe, expect, it } from 'vitest';
import { parseRetryAfter } from './retry-after.ts';
import { retryDelayMs, retryDelaysMs } from './retry-table.ts';

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

describe('the retry table', () => {
  it('begins with a minute, never shortens, and ends with a day', () => {
    expect(retryDelayMs(1, 0.5)).toBe(minute);
    expect(retryDelayMs(2, 0.5)).toBe(2 * minute);
    expect(retryDelayMs(retryDelaysMs.length, 0.5)).toBe(day);
    expect(retryDelayMs(10_000, 0.5)).toBe(day);
    for (let failures = 2; failures <= retryDelaysMs.length; failures += 1)
      expect(retryDelayMs(failures, 0.5)).toBeGreaterThanOrEqual(retryDelayMs(failures - 1, 0.5));
  });

  it('has its jitter of a tenth both ways', () => {
    expect(retryDelayMs(1, 0)).toBe(54_000);
    expect(retryDelayMs(1, 1)).toBe(66_000);
  });

  it('keeps below five failed validations in any hour after the first', () => {
    let at = 0;
    const tries = [0];
    for (let failures = 1; failures < 30; failures += 1) {
      at += retryDelayMs(failures, 0);
      tries.push(at);
    }
    for (const start of tries.filter((time) => time >= hour * 0.3)) {
      expect(tries.filter((time) => time >= start && time < start + hour).length).toBeLessThan(5);
    }
  });

  it('waits as long as the CA asks, never shorter than the table', () => {
    expect(retryDelayMs(1, 0.5, 3 * hour)).toBe(3 * hour);
    expect(retryDelayMs(20, 0.5, hour)).toBe(day);
  });
});

describe('Retry-After', () => {
  const now = Date.UTC(2026, 0, 1);

  it('is seconds or a date', () => {
    expect(parseRetryAfter('120', now)).toBe(120_000);
    expect(parseRetryAfter('Thu, 01 Jan 2026 01:00:00 GMT', now)).toBe(hour);
  });

  it('is nothing when it is missing, past or nonsense, and a week at most', () => {
    for (const value of [null, undefined, '', '0', '-5', 'soon', 'Thu, 01 Jan 2020 01:00:00 GMT'])
      expect([value, parseRetryAfter(value, now)]).toEqual([value, null]);
    expect(parseRetryAfter(String(7 * 86_400), now)).toBe(7 * day);
    expect(parseRetryAfter(String(7 * 86_400 + 1), now)).toBe(7 * day);
    expect(parseRetryAfter('99999999999999', now)).toBe(7 * day);
  });
});
