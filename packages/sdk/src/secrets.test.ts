import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { createSecrets } from './secrets.ts';

const PLAIN = 'plain-value';
const values = new Map([['DATABASE_URL', PLAIN]]);
const secrets = createSecrets(() => ({ get: (name) => values.get(name), advice: 'set it' }));

/** What a logger sees: any value. */
const printed: unknown = secrets;

test('gives one secret by its name', () => {
  expect(secrets['DATABASE_URL']).toBe(PLAIN);
  expect('DATABASE_URL' in secrets).toBe(true);
  expect('OTHER' in secrets).toBe(false);
});

test('throws for an unknown name, with the next step', () => {
  expect(() => secrets['DATABASE_URI']).toThrow(
    new ReferenceError('there is no secret DATABASE_URI: set it'),
  );
});

test.each([
  ['String()', () => String(printed)],
  ['joined text', () => [printed, ''].join(' ')],
  ['JSON', () => JSON.stringify({ secrets })],
  ['inspect', () => inspect({ secrets }, { depth: Infinity, showHidden: true })],
  [
    'inspect with its proxy shown',
    () => inspect(secrets, { depth: Infinity, showHidden: true, showProxy: true }),
  ],
  ['a spread copy', () => inspect({ ...secrets })],
  ['its keys', () => inspect([Reflect.ownKeys(secrets), Object.entries(secrets)])],
  ['an error that carries it', () => inspect(Object.assign(new Error('x'), { secrets }))],
  ['its property descriptors', () => inspect(Object.getOwnPropertyDescriptors(secrets))],
])('shows no value in %s', (_what, print) => {
  expect(print()).not.toContain(PLAIN);
});

test('cannot be cloned', () => {
  expect(() => structuredClone(secrets)).toThrow('could not be cloned');
});

test('cannot be changed', () => {
  expect(() => Object.assign(secrets, { DATABASE_URL: 'other' })).toThrow('secrets are read-only');
  expect(() => Reflect.deleteProperty(secrets, 'DATABASE_URL')).toThrow('secrets are read-only');
  expect(() => Object.defineProperty(secrets, 'X', { value: 1 })).toThrow('secrets are read-only');
});

test('can be awaited and matched without an error', async () => {
  expect(await Promise.resolve(secrets)).toBe(secrets);
  expect(() => expect(secrets).toEqual({ a: 1 })).toThrow('expected');
});

test('asks its source only when a value is wanted', () => {
  const unread = createSecrets(() => {
    throw new Error('read');
  });
  expect(JSON.parse(JSON.stringify(unread))).toBe('[secrets redacted]');
  expect(() => unread['A']).toThrow('read');
});
