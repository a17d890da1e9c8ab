// Durations as people write them on a command line: `90`, `90s`, `5m`, `1h`, `2d`. Pure.
import { TakoError } from '@tako/config';

const unitsMs: Readonly<Record<string, number>> = {
  '': 1000,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** Milliseconds; a bare number is seconds. Errors: USAGE_INVALID naming the flag. */
export function parseDuration(text: string, flag: string): number {
  const match = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h|d|)$/.exec(text.trim());
  const unit = unitsMs[match?.[2] ?? 'none'];
  if (match === null || unit === undefined) {
    throw new TakoError('USAGE_INVALID', `--${flag} takes a duration, not "${text}"`, {
      hint: 'Write it like 30s, 5m, 1h or 2d.',
    });
  }
  return Number(match[1]) * unit;
}
