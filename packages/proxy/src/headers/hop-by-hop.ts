// Fields that end at each hop (RFC 9110 §7.6.1), and those that a client must not be able to name or to send.

/** Never forwarded, either way. Framing is each hop's own. */
const connectionFields = [
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
] as const;

/** Set by us from the truth, or harmful: `Proxy` becomes HTTP_PROXY in CGI apps (CVE-2016-5385). */
const ownRequestFields = [
  'content-length',
  'expect',
  'forwarded',
  'proxy',
  'via',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-proto',
  'x-real-ip',
  'x-request-id',
  'x-tako-internal-token',
] as const;

/** The SDK echoes the internal token; nobody outside ever sees it. */
const ownResponseFields = ['via', 'x-request-id', 'x-tako-internal-token'] as const;

export const requestFieldsDropped: ReadonlySet<string> = new Set([...connectionFields, ...ownRequestFields]);
export const responseFieldsDropped: ReadonlySet<string> = new Set([
  ...connectionFields,
  ...ownResponseFields,
]);

/** RFC 9110 §8.6: an interim response has no length. */
export const interimFieldsDropped: ReadonlySet<string> = new Set([
  ...responseFieldsDropped,
  'content-length',
]);

/** Fields that decide how a message is framed, routed or authenticated mean nothing after it (RFC 9110 §6.5.1). */
export const trailerFieldsDropped: ReadonlySet<string> = new Set([
  ...requestFieldsDropped,
  'host',
  'authorization',
  'cookie',
  'set-cookie',
  'content-type',
  'content-encoding',
  'content-range',
  'trailer',
]);

/** A `Connection` field naming these would change what the message is: not obeyed. */
const neverNamed: ReadonlySet<string> = new Set([
  'host',
  'content-length',
  'content-type',
  'close',
  'date',
  'cache-control',
  'set-cookie',
  'authorization',
  'cookie',
]);

/** `base` with the names that this message's own `Connection` field lists. */
export function withNamedFields(
  base: ReadonlySet<string>,
  connection: string | undefined,
): ReadonlySet<string> {
  if (connection === undefined || connection === 'keep-alive' || connection === 'close') return base;
  let extended: Set<string> | null = null;
  for (const token of connection.split(',')) {
    const name = token.trim().toLowerCase();
    if (name === '' || base.has(name) || neverNamed.has(name)) continue;
    extended ??= new Set(base);
    extended.add(name);
  }
  return extended ?? base;
}
