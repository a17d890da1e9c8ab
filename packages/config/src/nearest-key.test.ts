import { expect, it } from 'vitest';
import { isNear, nearestKey } from './nearest-key.ts';

const keys = ['instances', 'instance_port', 'route', 'routes', 'main'];

it.each([
  ['instnaces', 'instances', true],
  ['instance', 'instances', true],
  ['INSTANCES', 'instances', true],
  ['ruote', 'route', true],
  ['routs', 'route', true],
  ['mian', 'main', true],
  ['instantiation', 'instances', false],
])('finds for %s the key %s (near: %s)', (word, nearest, near) => {
  expect(nearestKey(word, keys)).toBe(nearest);
  expect(isNear(word, nearest)).toBe(near);
});

it('finds nothing where nothing is known', () => expect(nearestKey('x', [])).toBeNull());

it('takes a very long word', () => expect(nearestKey('x'.repeat(1_000_000), keys)).toBe('instances'));
