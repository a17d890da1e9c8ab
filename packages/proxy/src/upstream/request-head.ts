// Writes the head of a request to an app from parsed values, with framing of our own (RFC 9112 §3, §6). Knows no
// socket. A value that could end a line early is refused, wherever it came from.
import type { RawHeaders, UpstreamBody, UpstreamRequest } from './upstream.types.ts';

const unsafeInTarget = /[^\u0021-\u007e\u0080-\u00ff]/;
const unsafeInName = /[^!#$%&'*+\-.^_`|~\dA-Za-z]/;
const unsafeInValue = /[^\t\u0020-\u007e\u0080-\u00ff]/;

/** RFC 9110 §8.6: such a method says that there is no body. */
export const anticipatesBody = (method: string): boolean =>
  method === 'POST' || method === 'PUT' || method === 'PATCH';

/** The head as latin1 text, or null where a method, target, name or value cannot stand in one. */
export function writeRequestHead(request: UpstreamRequest): string | null {
  const { method, target, headers } = request;
  if (!isMethodSafe(method) || !isTargetSafe(target)) return null;
  const fields = writeFields(headers);
  if (fields === null) return null;
  return `${method} ${target} HTTP/1.1\r\n${fields}${requestFraming(method, request.body)}\r\n`;
}

export const isMethodSafe = (method: string): boolean => method !== '' && !unsafeInName.test(method);
export const isTargetSafe = (target: string): boolean => target !== '' && !unsafeInTarget.test(target);

/** Every name and value can stand in a head. */
export function areFieldsSafe(headers: RawHeaders): boolean {
  for (let index = 0; index + 1 < headers.length; index += 2) {
    const name = headers[index] ?? '';
    if (name === '' || unsafeInName.test(name) || unsafeInValue.test(headers[index + 1] ?? '')) return false;
  }
  return true;
}

/** Field lines, each with its CRLF; null where a name or value cannot stand in one. */
export function writeFields(headers: RawHeaders): string | null {
  let text = '';
  for (let index = 0; index + 1 < headers.length; index += 2) {
    const name = headers[index] ?? '';
    const value = headers[index + 1] ?? '';
    if (name === '' || unsafeInName.test(name) || unsafeInValue.test(value)) return null;
    text += `${name}: ${value}\r\n`;
  }
  return text;
}

/** The field line that tells the body, by which the client of an app frames it (RFC 9112 §6). */
export function requestFraming(method: string, body: UpstreamBody): string {
  if (body.kind === 'sized') return `Content-Length: ${body.bytes}\r\n`;
  if (body.kind === 'chunked') return 'Transfer-Encoding: chunked\r\n';
  return anticipatesBody(method) ? 'Content-Length: 0\r\n' : '';
}
