// Sizes as people write them: `134217728`, "128MiB", "512M", "1.5 GB". Pure.

export const sizeRule = 'a size in bytes, or a text like "128MiB", "512M" or "1GB"';

/** `K`, `M`, `G`, `T` and the `KiB` forms are powers of 1024 (as in systemd.resource-control(5)); `KB` and so on of 1000. */
const unitBytes: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  k: 1024,
  kib: 1024,
  kb: 1000,
  m: 1024 ** 2,
  mib: 1024 ** 2,
  mb: 1000 ** 2,
  g: 1024 ** 3,
  gib: 1024 ** 3,
  gb: 1000 ** 3,
  t: 1024 ** 4,
  tib: 1024 ** 4,
  tb: 1000 ** 4,
};

const sizePattern = /^(\d{1,16}(?:\.\d{1,6})?) ?([KMGT]?(?:i?B)?)$/i;

/** Bytes, rounded to a whole one; null when the text or number is no size. */
export function parseSize(size: string | number): number | null {
  if (typeof size === 'number') return Number.isSafeInteger(size) && size >= 0 ? size : null;
  const match = sizePattern.exec(size);
  if (match === null) return null;
  const unit = unitBytes[(match[2] ?? '').toLowerCase()];
  if (unit === undefined) return null;
  const bytes = Math.round(Number(match[1]) * unit);
  return Number.isSafeInteger(bytes) ? bytes : null;
}
