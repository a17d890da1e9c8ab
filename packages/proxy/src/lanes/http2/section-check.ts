// Whether a field section of HTTP/2 is one (RFC 9113 §8.2, §8.3): names and values that can stand in a message of any
// version, pseudo-header fields first, each once, and those that its kind of request needs. Knows no request.
import type { RawHeaders } from '../../upstream/index.ts';

export interface PseudoFields {
  readonly method: string;
  /** Null with CONNECT (RFC 9113 §8.5). */
  readonly scheme: string | null;
  readonly path: string | null;
  readonly authority: string | null;
  /** RFC 8441 §4. */
  readonly protocol: string | null;
}

const token = /^[!#$%&'*+\-.^_`|~\dA-Za-z]+$/;
/** RFC 9113 §8.2.1: no capitals. */
const name = /^[!#$%&'*+\-.^_`|~\da-z]+$/;
/** RFC 9113 §8.2.1: no NUL, CR or LF; RFC 9110 §5.5: no other control character, no white space around it. */
const value =
  /^(?:[\u0021-\u007e\u0080-\u00ff](?:[\t\u0020-\u007e\u0080-\u00ff]*[\u0021-\u007e\u0080-\u00ff])?)?$/;
const path = /^\/[\u0021-\u007e\u0080-\u00ff]*$/;
/** RFC 3986 §3.2 without user information (RFC 9113 §8.3.1). */
const authority = /^[\w\-.~%!$&'()*+,;=:[\]]+$/;
const scheme = /^[A-Za-z][A-Za-z\d+\-.]*$/;

/** RFC 9113 §8.2.2. */
const ofConnection: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
]);

const pseudoNames = [':method', ':scheme', ':path', ':authority', ':protocol'] as const;
type PseudoName = (typeof pseudoNames)[number];

const isPseudoName = (text: string): text is PseudoName =>
  pseudoNames.some((candidate) => candidate === text);

/** A request's section; null: malformed. */
export function checkSection(fields: RawHeaders): PseudoFields | null {
  const pseudo = new Map<PseudoName, string>();
  let hasHost = false;
  let index = 0;
  for (; index + 1 < fields.length; index += 2) {
    const key = fields[index] ?? '';
    if (!key.startsWith(':')) break;
    if (!isPseudoName(key) || pseudo.has(key)) return null;
    pseudo.set(key, fields[index + 1] ?? '');
  }
  for (; index + 1 < fields.length; index += 2) {
    const key = fields[index] ?? '';
    if (!isFieldSound(key, fields[index + 1] ?? '')) return null;
    if (key === 'host') {
      if (hasHost || !authority.test(fields[index + 1] ?? '')) return null;
      hasHost = true;
    }
  }
  return isRequest(pseudo, hasHost) ? readPseudo(pseudo) : null;
}

/** A section after a body: fields alone (RFC 9113 §8.1). */
export function areTrailersSound(fields: RawHeaders): boolean {
  for (let index = 0; index + 1 < fields.length; index += 2)
    if (!isFieldSound(fields[index] ?? '', fields[index + 1] ?? '')) return false;
  return true;
}

function isFieldSound(key: string, text: string): boolean {
  if (!name.test(key) || !value.test(text) || ofConnection.has(key)) return false;
  return key !== 'te' || text.toLowerCase() === 'trailers';
}

function isRequest(pseudo: ReadonlyMap<PseudoName, string>, hasHost: boolean): boolean {
  const method = pseudo.get(':method');
  if (method === undefined || !token.test(method)) return false;
  const host = pseudo.get(':authority');
  if (host === undefined ? !hasHost : !authority.test(host)) return false;
  const protocol = pseudo.get(':protocol');
  if (method === 'CONNECT' && protocol === undefined)
    return host !== undefined && !pseudo.has(':scheme') && !pseudo.has(':path');
  if (protocol !== undefined && (method !== 'CONNECT' || host === undefined || !token.test(protocol)))
    return false;
  return scheme.test(pseudo.get(':scheme') ?? '') && isPathOf(method, pseudo.get(':path') ?? '');
}

/** RFC 9113 §8.3.1: the asterisk is for OPTIONS alone. */
const isPathOf = (method: string, text: string): boolean =>
  path.test(text) || (text === '*' && method === 'OPTIONS');

function readPseudo(pseudo: ReadonlyMap<PseudoName, string>): PseudoFields {
  return {
    method: pseudo.get(':method') ?? '',
    scheme: pseudo.get(':scheme') ?? null,
    path: pseudo.get(':path') ?? null,
    authority: pseudo.get(':authority') ?? null,
    protocol: pseudo.get(':protocol') ?? null,
  };
}
