import { expect, it } from 'vitest';
import { manifestDigest } from './manifest-digest.ts';
import { parseManifest } from './manifest.ts';
import { exampleManifest } from './testing/example-manifest.ts';

it('is equal for manifests that differ in version, build time and order of keys only', () => {
  const reordered = parseManifest(
    JSON.stringify(Object.fromEntries(Object.entries(exampleManifest).toReversed())),
  );
  expect(manifestDigest({ ...reordered, version: 'other', built_at: '2030-01-01T00:00:00.000Z' })).toBe(
    manifestDigest(exampleManifest),
  );
});

it.each([
  { env_vars: { NODE_ENV: 'staging' } },
  { env: 'staging' },
  { instances: 2 },
  { start: ['node', 'other.js'] },
  { health: { ...exampleManifest.health, dead_after: 6 } },
  { commit_message: null },
])('differs with %j', (change) => {
  expect(manifestDigest({ ...exampleManifest, ...change })).not.toBe(manifestDigest(exampleManifest));
});

it('is 64 hex digits', () => expect(manifestDigest(exampleManifest)).toMatch(/^[0-9a-f]{64}$/));
