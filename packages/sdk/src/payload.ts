// The document on fd 3: {"v":1,"token":…,"secrets":{…}}. Pure: it knows the form, not where the bytes come from.

export interface Payload {
  readonly token: string;
  readonly secrets: ReadonlyMap<string, string>;
}

export type ParsedPayload =
  { readonly kind: 'complete'; readonly payload: Payload } | { readonly kind: 'incomplete' };

/**
 * Reads the document from the bytes received so far. The end is found by the document itself, not by the end of
 * the stream: a write end that leaked into another process must not hold the app up.
 * Throws when the document is whole but not of the known form. Messages never quote it.
 */
export function parsePayload(bytes: Uint8Array): ParsedPayload {
  let document: unknown;
  try {
    document = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    // Not whole yet (an object has no proper prefix that is JSON), or not JSON at all: the reader's end tells.
    return { kind: 'incomplete' };
  }
  return { kind: 'complete', payload: checkPayload(document) };
}

function checkPayload(document: unknown): Payload {
  if (!isRecord(document)) throw new TypeError('fd 3 carries JSON that is not an object');
  if (document['v'] !== 1) {
    throw new TypeError(
      `fd 3 carries version ${typeof document['v'] === 'number' ? document['v'] : '?'} of the document; this @tako/sdk reads version 1: update it`,
    );
  }
  const { token, secrets } = document;
  if (typeof token !== 'string' || token === '') throw new TypeError('fd 3 carries no token');
  if (!isRecord(secrets)) throw new TypeError('fd 3 carries no secrets object');
  const entries = Object.entries(secrets).map(([name, value]): [string, string] => {
    if (typeof value !== 'string')
      throw new TypeError(`fd 3 carries the secret ${name}, which is not a string`);
    return [name, value];
  });
  return { token, secrets: new Map(entries) };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
