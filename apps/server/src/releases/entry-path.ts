// The path of an archive's entry as segments below the release, or a refusal. Pure.
import { TakoError } from '@tako/config';
import { releaseLimits } from './limits.ts';

export function pathRefused(path: string, why: string): TakoError {
  return new TakoError(
    'ARCHIVE_PATH_REFUSED',
    `The archive holds ${JSON.stringify(path.slice(0, 200))}, ${why}.`,
    {
      hint: 'Build it with `tako deploy`, which writes relative paths only; what it packs is in `[build] include` and `exclude`.',
      details: { path: path.slice(0, 1024), why },
    },
  );
}

/** Throws ARCHIVE_PATH_REFUSED. `./`, doubled and trailing slashes mean nothing; no segments = the release itself. */
export function parseEntryPath(path: string): readonly string[] {
  if (path.includes('\0')) throw pathRefused(path, 'a path with a NUL');
  if (path.startsWith('/')) throw pathRefused(path, 'an absolute path');
  if (Buffer.byteLength(path) > releaseLimits.entryPathBytesMax) {
    throw pathRefused(path, `a path of more than ${releaseLimits.entryPathBytesMax} bytes`);
  }
  const segments = path.split('/').filter((segment) => segment !== '' && segment !== '.');
  if (segments.includes('..')) throw pathRefused(path, 'a path with ".."');
  if (segments.some((segment) => Buffer.byteLength(segment) > releaseLimits.segmentBytesMax)) {
    throw pathRefused(path, `a name of more than ${releaseLimits.segmentBytesMax} bytes`);
  }
  return segments;
}
