// How long to wait after the n-th failure in a row. Pure.

const minute = 60_000;
const hour = 60 * minute;

/**
 * What fails once is mostly a DNS record that was just made, or a firewall that is being opened: the first tries are
 * close together. Let's Encrypt allows five failed validations a name an hour: at most four fall into any hour after the
 * first. What still fails after a day waits for a person: once a day is enough to notice that it was mended.
 */
export const retryDelaysMs: readonly number[] = Object.freeze([
  1 * minute,
  2 * minute,
  5 * minute,
  10 * minute,
  20 * minute,
  20 * minute,
  30 * minute,
  30 * minute,
  1 * hour,
  1 * hour,
  2 * hour,
  3 * hour,
  6 * hour,
  6 * hour,
  12 * hour,
  24 * hour,
]);

/** A tenth up or down, so that names that failed together do not all come back together. */
const jitter = 0.1;

/**
 * @param failures in a row, this one included; 1 or more
 * @param chance from 0 to 1
 * @param askedMs what the CA asked for (`Retry-After`); never tried earlier
 */
export function retryDelayMs(failures: number, chance: number, askedMs = 0): number {
  const index = Math.min(Math.max(failures, 1), retryDelaysMs.length) - 1;
  const base = retryDelaysMs[index] ?? 24 * hour;
  const delay = base * (1 - jitter + 2 * jitter * chance);
  return Math.round(Math.max(delay, askedMs));
}
