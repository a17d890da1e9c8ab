// A moment of a certificate's life, as people plan by it: the day, and how far away it is. Pure.
import { formatDuration } from '../output/text.ts';

/** `2026-12-01, in 62 d 3 h`; `2026-09-01, 3 d 2 h ago`; what is nearer than a day without its date. */
export function formatMoment(at: number, nowMs: number): string {
  const far = formatDuration(Math.abs(at - nowMs));
  const distance = at >= nowMs ? `in ${far}` : `${far} ago`;
  if (Math.abs(at - nowMs) < 24 * 3_600_000) return distance;
  return `${new Date(at).toISOString().slice(0, 10)}, ${distance}`;
}
