import { describe, expect, it } from 'vitest';
import { RequestIds } from './request-id.ts';

describe('request ids', () => {
  it('are UUIDs of version 8, all different', () => {
    const ids = new RequestIds(128);
    const made = new Set(Array.from({ length: 10_000 }, () => ids.next()));
    expect(made.size).toBe(10_000);
    for (const id of made)
      expect(id).toMatch(/^[\da-f]{8}-[\da-f]{4}-8[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
  });

  it('differ between processes', () => {
    expect(new RequestIds(128).next().slice(0, 23)).not.toBe(new RequestIds(128).next().slice(0, 23));
  });

  it("are the client's own where those are safe to repeat", () => {
    const ids = new RequestIds(8);
    expect(ids.choose('abc-1_2')).toBe('abc-1_2');
    for (const unsafe of [undefined, '', 'a b', 'a"b', 'é', '123456789', 'a\tb'])
      expect(ids.choose(unsafe)).toHaveLength(36);
  });
});
