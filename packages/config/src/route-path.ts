// The path half of a route: any path, one exact path, or everything below a prefix. Pure; matched raw by the proxy,
// so nothing here decodes.
import type { Reading } from './route-host.ts';

export type RoutePath =
  | { readonly kind: 'any' }
  /** `/api` and `/api/`: a trailing slash does not matter. */
  | { readonly kind: 'exact'; readonly path: string }
  /** From `/api/*`: `path` is `/api`, and `/api`, `/api/` and everything below match. */
  | { readonly kind: 'prefix'; readonly path: string };

const anyPath: RoutePath = Object.freeze({ kind: 'any' });
const wrong = (reason: string): { readonly kind: 'wrong'; readonly reason: string } => ({
  kind: 'wrong',
  reason,
});
const ok = (value: RoutePath): Reading<RoutePath> => ({ kind: 'ok', value: Object.freeze(value) });

/** Reads `''` or a path that starts with `/`; tells in words what is wrong with it. */
export function readRoutePath(text: string): Reading<RoutePath> {
  const path = text.endsWith('/') ? text.slice(0, -1) : text;
  if (path === '') return ok(anyPath);
  const segments = path.slice(1).split('/');
  const isPrefix = segments.at(-1) === '*';
  const named = isPrefix ? segments.slice(0, -1) : segments;
  if (named.length === 0) return ok(anyPath);
  const clean: string[] = [];
  for (const segment of named) {
    const reading = readSegment(segment);
    if (reading.kind === 'wrong') return reading;
    clean.push(reading.value);
  }
  return ok({ kind: isPrefix ? 'prefix' : 'exact', path: `/${clean.join('/')}` });
}

/** One segment of RFC 3986 §3.3 `pchar`s; characters beyond ASCII are percent-encoded as browsers do it. */
function readSegment(segment: string): Reading<string> {
  if (segment === '') return wrong('the path has an empty segment ("//")');
  if (segment.includes('*'))
    return wrong('"*" stands only as the whole last segment of a path, as in "/api/*"');
  // A dot may be written %2e, and every parser on the way may decode it.
  if (/^(?:\.|%2e){1,2}$/i.test(segment)) return wrong('the path has a dot segment ("." or "..")');
  if (/%2f/i.test(segment)) return wrong('the path has an encoded slash ("%2F")');
  if (segment.includes('%00')) return wrong('the path has an encoded NUL ("%00")');
  if (/%(?![0-9a-f]{2})/i.test(segment)) return wrong('the path has a "%" that encodes nothing');
  if (!segment.isWellFormed()) return wrong('the path is not well-formed Unicode');
  const encoded = segment.replaceAll(/[^\0-\u007f]+/g, encodeURIComponent);
  const odd = /[^A-Za-z0-9\-._~%!$&'()+,;=:@]/.exec(encoded);
  if (odd !== null) return wrong(`the path cannot hold ${JSON.stringify(odd[0])}`);
  return { kind: 'ok', value: encoded };
}
