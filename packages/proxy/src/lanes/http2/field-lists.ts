// Field lists between HTTP/2 and HTTP/1.1 (RFC 9113 §8.2): pseudo-header fields become start line and Host and back,
// cookie crumbs one field, and what belongs to a connection stays behind.
import { droppingKey, type HeaderEdits } from '../../headers/header-edits.ts';
import type { RawHeaders } from '../../upstream/index.ts';

/** For an app: Host first, one Cookie, the rest as received; then what policy adds. */
export function requestFields(raw: RawHeaders, authority: string | null, edits: HeaderEdits): string[] {
  const list = authority === null ? [] : ['Host', authority];
  let cookie: string | null = null;
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = raw[index] ?? '';
    if (name.startsWith(':') || name === 'host' || edits.drop.has(keyOf(name))) continue;
    const value = raw[index + 1] ?? '';
    // RFC 9113 §8.2.3.
    if (name === 'cookie') cookie = cookie === null ? value : `${cookie}; ${value}`;
    else list.push(name, value);
  }
  if (cookie !== null) list.push('cookie', cookie);
  return withAdded(list, edits);
}

/** Names are in lower case already. */
const keyOf = (name: string): string => (name.includes('_') ? droppingKey(name) : name);

/** Meaningless or forbidden in HTTP/2 (RFC 9113 §8.2.2), beyond what policy drops everywhere. */
const http1Only = 'http2-settings';

/** Whether HTTP/2 can carry it as a final response's; an app, and Node, let others pass. */
export const isFinalStatus = (status: number): boolean => status >= 200 && status <= 599;

/** Whether a client gets a field of that (lower-case) name. */
export const isKeptInResponse = (name: string, drop: ReadonlySet<string>): boolean =>
  !drop.has(keyOf(name)) && name !== http1Only;

/** For a client: `:status` first. RFC 9110 §8.6: no length with 204. */
export function responseFields(status: number, headers: RawHeaders, edits: HeaderEdits): string[] {
  const list = [':status', String(status)];
  for (let index = 0; index + 1 < headers.length; index += 2) {
    const name = (headers[index] ?? '').toLowerCase();
    if (!isKeptInResponse(name, edits.drop)) continue;
    if (status === 204 && name === 'content-length') continue;
    list.push(name, headers[index + 1] ?? '');
  }
  return withAdded(list, edits);
}

function withAdded(list: string[], edits: HeaderEdits): string[] {
  if (edits.block !== undefined) for (const item of edits.block.list) list.push(item);
  for (const item of edits.add) list.push(item);
  return list;
}
