import path from 'node:path';
import { expect, it } from 'vitest';
import { toPosix } from './posix-path.ts';

it('gives the names of an archive, from the paths of any system', () => {
  expect(toPosix('apps\\web\\index.js', path.win32.sep)).toBe('apps/web/index.js');
  expect(toPosix('..\\..\\secret', path.win32.sep)).toBe('../../secret');
  expect(toPosix('a\\b/c', path.posix.sep)).toBe('a\\b/c');
});
