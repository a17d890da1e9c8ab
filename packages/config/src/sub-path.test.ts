import * as fc from 'fast-check';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { canonicalSubPath, isCanonicalSubPath } from './sub-path.ts';

describe('a canonical sub-path', () => {
  it.each(['.', 'a', 'a/b', 'a b/c', '.env', '..a', 'a..', 'ä/ö'])('may be %j', (text) =>
    expect(isCanonicalSubPath(text)).toBe(true),
  );
  it.each([
    '',
    '/',
    '/a',
    'a/',
    './a',
    'a/.',
    'a//b',
    '..',
    'a/..',
    '../a',
    'a/../b',
    'a\\b',
    'a\0b',
    'a\nb',
    'a\u0085',
  ])('is not %j', (text) => {
    expect(isCanonicalSubPath(text)).toBe(false);
  });

  it.each([
    ['./', '.'],
    ['.', '.'],
    ['./a//b/', 'a/b'],
    ['a/./b', 'a/b'],
  ])('is made of %j: %j', (text, canonical) => expect(canonicalSubPath(text)).toBe(canonical));
  it.each(['', '/a', '..', 'a/../b', 'a/..', 'a\\b', 'a\0'])('is not made of %j', (text) =>
    expect(canonicalSubPath(text)).toBeNull(),
  );

  it('never leaves its directory, and is canonical already the second time', () => {
    const text = fc
      .array(fc.constantFrom('.', '..', '/', 'a', 'b', '\\', '...', ' '), { maxLength: 10 })
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(text, (written) => {
        const canonical = canonicalSubPath(written);
        if (canonical === null) return;
        expect(isCanonicalSubPath(canonical)).toBe(true);
        expect(canonicalSubPath(canonical)).toBe(canonical);
        expect(path.posix.resolve('/root', canonical)).toBe(path.posix.resolve('/root', written));
        expect(path.posix.resolve('/root', canonical)).toMatch(/^\/root(\/|$)/);
      }),
    );
  });
});
