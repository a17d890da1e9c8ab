import { describe, expect, test } from 'vitest';
import { Instance } from '../serving/instance.ts';
import { findByToken, affinityToken, readAffinityToken } from './affinity-cookie.ts';
import { pickInstance } from './pick-instance.ts';

const instance = (id: string, inFlight = 0): Instance => {
  const made = new Instance({ id, version: 'v1', host: '127.0.0.1', port: 1, rotation: 'healthy' });
  for (let count = 0; count < inFlight; count += 1) {
    made.inFlight.add({ isStream: () => false, endPolitely: () => undefined, cut: () => undefined });
  }
  return made;
};

const pickMany = (pool: readonly Instance[], turns: number): Record<string, number> => {
  const state = { cursor: -1 };
  const counts: Record<string, number> = {};
  for (let turn = 0; turn < turns; turn += 1) {
    const picked = pickInstance(pool, state, { nowMs: 1_000, random: Math.random });
    counts[picked?.id ?? 'none'] = (counts[picked?.id ?? 'none'] ?? 0) + 1;
  }
  return counts;
};

describe('picking an instance', () => {
  test('goes round between equals', () => {
    expect(pickMany([instance('a'), instance('b'), instance('c')], 300)).toEqual({ a: 100, b: 100, c: 100 });
  });

  test('never takes the busier of two, and spares the busiest of many', () => {
    expect(pickMany([instance('idle'), instance('busy', 9)], 100)).toEqual({ idle: 100 });
    const counts = pickMany([instance('a'), instance('b'), instance('c'), instance('busy', 9)], 400);
    expect(counts['busy']).toBeUndefined();
  });

  test('passes over those that rest or drain, and says null when nobody is left', () => {
    const resting = instance('resting');
    resting.restsUntil = 2_000;
    const draining = instance('draining');
    draining.rotation = 'draining';
    expect(pickMany([resting, instance('free', 5), draining], 50)).toEqual({ free: 50 });
    expect(pickMany([resting, draining], 5)).toEqual({ none: 5 });
    expect(pickMany([resting], 5)).toEqual({ none: 5 });
    expect(pickMany([], 5)).toEqual({ none: 5 });
    resting.restsUntil = 1_000;
    expect(pickMany([resting], 5)).toEqual({ resting: 5 });
  });

  test('finds the instance of a cookie among others, and nothing for a made-up one', () => {
    const pool = [instance('a'), instance('b')];
    const token = readAffinityToken(`x=1; tako_affinity=${affinityToken('b')}; y=2`);
    expect(findByToken(pool, token ?? '')?.id).toBe('b');
    expect(findByToken(pool, 'made-up')).toBeNull();
    expect(readAffinityToken('x=tako_affinity')).toBeNull();
    expect(readAffinityToken(undefined)).toBeNull();
  });
});
