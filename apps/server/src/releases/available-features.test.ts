import { expect, test } from 'vitest';
import { testManifest } from '../testing/manifest.ts';
import { assertAvailable } from './available-features.ts';

test('what this version can do passes', () => expect(() => assertAvailable(testManifest())).not.toThrow());

test.each([
  [{ processes: [{ name: 'mailer', run: 'node mailer.js', instances: 1, schedule: null }] }, '[[processes]]'],
  [{ limits: { body_bytes: 1, memory: null, cpu: 1, pids: null, requests_per_ip: 1 } }, 'limits.cpu'],
  [{ runtime: 'deno' }, 'deno'],
])('%j is refused by name', (change, name) => {
  expect(() => assertAvailable(testManifest(change))).toThrow(name);
});
