// The field section of a request to an HTTP/2 app (RFC 9113 §8.2, §8.3) from a list as HTTP/1.1 would have it. Knows no
// session. A value that could not stand in HTTP/1.1 is refused here as well.
import { fieldValue } from '../../headers/header-edits.ts';
import { areFieldsSafe, isMethodSafe, isTargetSafe } from '../request-head.ts';
import type { RawHeaders, UpstreamRequest } from '../upstream.types.ts';

/** Of one connection, framing of HTTP/1.1, or said otherwise in HTTP/2. Policy has dropped them already, mostly. */
const http1Only: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'host',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
]);

/** Null where a method, target, name or value cannot be sent. */
export function requestFields({ method, target, headers, body }: UpstreamRequest): string[] | null {
  if (!isMethodSafe(method) || !isTargetSafe(target) || !areFieldsSafe(headers)) return null;
  // The scheme of this connection: some servers refuse one that does not fit it. Fields tell what the client used.
  const list = [':method', method, ':scheme', 'http', ':path', target];
  const authority = fieldValue(headers, 'host');
  if (authority !== undefined) list.push(':authority', authority);
  list.push(...endToEndFields(headers));
  if (body.kind === 'sized') list.push('content-length', String(body.bytes));
  return list;
}

/** Those that cannot be sent are left out: a trailer is nothing to fail for (RFC 9110 §6.5.1). */
export const requestTrailers = (trailers: RawHeaders): string[] =>
  areFieldsSafe(trailers) ? endToEndFields(trailers) : [];

function endToEndFields(headers: RawHeaders): string[] {
  const fields: string[] = [];
  for (let index = 0; index + 1 < headers.length; index += 2) {
    const name = (headers[index] ?? '').toLowerCase();
    // RFC 9113 §8.2.1: no white space around a value.
    if (!http1Only.has(name)) fields.push(name, trimmed(headers[index + 1] ?? ''));
  }
  return fields;
}

/** Of spaces and tabs alone: to a string's own `trim` the last octet of `\u00e0` in UTF-8 is white space too. */
const trimmed = (value: string): string => value.replaceAll(/^[\t ]+|[\t ]+$/g, '');

/** Of a response or of trailers: as received, without the pseudo-header fields. */
export function withoutPseudoFields(raw: RawHeaders): string[] {
  const fields: string[] = [];
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = raw[index] ?? '';
    if (!name.startsWith(':')) fields.push(name, raw[index + 1] ?? '');
  }
  return fields;
}
