// The host of a request: normalised for comparison, or refused (RFC 9110 §7.2, RFC 3986 §3.2.2). Pure.

/** Reserved for probes, which go to instances directly; from outside it is nobody's (spec 50). */
export const internalHost = 'tako-internal';

const regName = /^[a-z0-9._~!$&'()*+,;=%-]*$/;
const ipLiteral = /^\[[0-9a-f:.]+\]$/;
const port = /^[0-9]{0,5}$/;

/** Lower case, without port and without the root's trailing dot; null when it is not a valid authority. */
export function normalizeHost(authority: string): string | null {
  const text = authority.toLowerCase();
  const end = text.startsWith('[') ? text.indexOf(']') + 1 : text.indexOf(':');
  const name = end === -1 ? text : text.slice(0, end);
  if (end !== -1 && end < text.length) {
    if (text[end] !== ':' || !port.test(text.slice(end + 1))) return null;
  }
  if (name.length > 255) return null;
  if (name.startsWith('[')) return ipLiteral.test(name) ? name : null;
  if (!regName.test(name)) return null;
  return name.endsWith('.') ? name.slice(0, -1) : name;
}
