import type { ReleaseRecord } from '@tako/store';
import { expect, it } from 'vitest';
import { testManifest } from '../testing/manifest.ts';
import { releaseLimits } from './limits.ts';
import { releasesToPrune } from './prune-plan.ts';

const NOW = 1_900_000_000_000;
const { releaseAgeMaxMs, releasesMax } = releaseLimits;
const manifest = testManifest();
const release = (version: string, ageMs: number, deployedAgeMs?: number): ReleaseRecord => ({
  deploymentId: 'web',
  version,
  sha256: 'a',
  manifest,
  state: 'good',
  preparedAt: NOW - ageMs,
  deployedAt: deployedAgeMs === undefined ? null : NOW - deployedAgeMs,
});
const pruned = (releases: ReleaseRecord[], kept: string[] = []) =>
  releasesToPrune({ releases, kept: new Set(kept), nowMs: NOW }).map(({ version }) => version);

it('keeps ten, however young the eleventh is', () => {
  const many = (count: number) => Array.from({ length: count }, (_, index) => release(`v${index}`, index));
  expect(pruned(many(releasesMax))).toEqual([]);
  expect(pruned(many(releasesMax + 2))).toEqual(['v10', 'v11']);
});

it('keeps thirty days to the millisecond, counted from the last deploy', () => {
  expect(pruned([release('young', releaseAgeMaxMs), release('old', releaseAgeMaxMs + 1)])).toEqual(['old']);
  expect(pruned([release('rolled-back-to', releaseAgeMaxMs * 3, 1000)])).toEqual([]);
});

it('never takes one that is current, previous or running', () => {
  const old = ['a', 'b', 'c'].map((version) => release(version, releaseAgeMaxMs * 2));
  expect(pruned(old, ['a', 'c'])).toEqual(['b']);
});
