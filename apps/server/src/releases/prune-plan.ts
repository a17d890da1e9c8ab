// Which releases go (spec 30, step 7). Pure.
import type { ReleaseRecord } from '@tako/store';
import { releaseLimits } from './limits.ts';

export interface PruneFacts {
  /** Newest first. */
  readonly releases: readonly ReleaseRecord[];
  /** Current, previous, and whatever runs at the moment. */
  readonly kept: ReadonlySet<string>;
  readonly nowMs: number;
}

/** Older than 30 days or beyond 10, never one that is kept. A release is as young as its last deploy. */
export function releasesToPrune({ releases, kept, nowMs }: PruneFacts): ReleaseRecord[] {
  return releases.filter((release, index) => {
    if (kept.has(release.version)) return false;
    const ageMs = nowMs - Math.max(release.preparedAt, release.deployedAt ?? 0);
    return index >= releaseLimits.releasesMax || ageMs > releaseLimits.releaseAgeMaxMs;
  });
}
