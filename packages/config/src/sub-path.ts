// Canonical sub-paths: `.` or `a/b`, never out of the directory they are relative to. Text only; the file system
// (links, existence) is the caller's.
import { limits } from './limits.ts';

export const subPathRule =
  'a relative path in canonical form: "." or a/b, without "..", "//", a leading "/", or a backslash';

/** True for `.` and for `a/b`: one spelling per place, no way out. */
export function isCanonicalSubPath(text: string): boolean {
  if (text === '.') return true;
  if (text === '' || text.length > limits.subPathCharsMax) return false;
  // Control characters (NUL ends a C string; a newline forges log lines) and the backslash (a separator elsewhere).
  if (/[\p{Cc}\\]/u.test(text)) return false;
  return text.split('/').every((segment) => segment !== '' && segment !== '.' && segment !== '..');
}

/**
 * Brings what people write (`./src/`, `src//app`) into the canonical form; null when it leaves the directory, is
 * absolute or holds what no path of ours may hold.
 */
export function canonicalSubPath(text: string): string | null {
  if (text === '' || text.startsWith('/')) return null;
  const segments = text.split('/').filter((segment) => segment !== '' && segment !== '.');
  const canonical = segments.length === 0 ? '.' : segments.join('/');
  return isCanonicalSubPath(canonical) ? canonical : null;
}
