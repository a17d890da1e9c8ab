// The path of a request target, checked raw and never decoded: what two parsers might read differently is refused
// here (spec 50: dot segments, encoded "/" and NUL). Pure.

/** `wrong` names the reason for the log, never for the client. */
export type PathReading =
  { readonly kind: 'ok'; readonly path: string } | { readonly kind: 'wrong'; readonly reason: string };

// RFC 3986 §3.3 pchar and "/", plus what browsers send raw in paths: | ^ [ ] { } ` " < > stay out of %-encoding in some.
const allowedTarget = /^[\x21-\x7e]+$/;
const badEscape = /%(?![0-9a-f]{2})/i;
const encodedSeparator = /%(?:2f|5c)/i;
const encodedNul = /%00/;
const dotSegment = /(?:^|\/)(?:\.|%2e){1,2}(?:\/|$)/i;

const wrong = (reason: string): PathReading => ({ kind: 'wrong', reason });

/** `target` is origin form, or `*`, which routes like `/`. */
export function readRequestPath(target: string): PathReading {
  if (target === '*') return { kind: 'ok', path: '/' };
  if (target.charCodeAt(0) !== 0x2f) return wrong('target is not in origin form');
  if (!allowedTarget.test(target)) return wrong('target holds a control, space or non-ASCII octet');
  if (target.includes('#')) return wrong('target holds a fragment');
  const query = target.indexOf('?');
  const path = query === -1 ? target : target.slice(0, query);
  if (path.includes('\\')) return wrong('path holds a backslash');
  if (path.includes('%')) {
    if (badEscape.test(path)) return wrong('path holds a "%" that encodes nothing');
    if (encodedSeparator.test(path)) return wrong('path holds an encoded slash');
    if (encodedNul.test(path)) return wrong('path holds an encoded NUL');
  }
  if ((path.includes('/.') || path.includes('/%')) && dotSegment.test(path))
    return wrong('path holds a dot segment');
  return { kind: 'ok', path };
}
