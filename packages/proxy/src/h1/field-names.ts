// The field names that framing and forwarding depend on, found by a hash made while a name is scanned.
// Knows no values.
import { byteAt, equalsIgnoringCase, hashToken } from './bytes.ts';

export const fieldId = {
  other: 0,
  host: 1,
  connection: 2,
  contentLength: 3,
  transferEncoding: 4,
  expect: 5,
  upgrade: 6,
  te: 7,
  trailer: 8,
  keepAlive: 9,
  proxyConnection: 10,
  http2Settings: 11,
  date: 12,
} as const;

const knownNames = [
  '',
  'host',
  'connection',
  'content-length',
  'transfer-encoding',
  'expect',
  'upgrade',
  'te',
  'trailer',
  'keep-alive',
  'proxy-connection',
  'http2-settings',
  'date',
] as const;

/** The hash of a whole name; `scanFields` makes the same while it scans. */
export function hashName(name: string): number {
  let hash = 0;
  for (let index = 0; index < name.length; index += 1) {
    hash = (Math.imul(hash, 31) + byteAt(hashToken, name.charCodeAt(index))) | 0;
  }
  return hash;
}

const slotMask = 255;

const slots = ((): Uint8Array => {
  const table = new Uint8Array(slotMask + 1);
  for (let id = 1; id < knownNames.length; id += 1) {
    const slot = hashName(knownNames[id] ?? '') & slotMask;
    if (table[slot] !== 0)
      throw new Error(`field names collide: ${knownNames[id]}, ${knownNames[table[slot] ?? 0]}`);
    table[slot] = id;
  }
  return table;
})();

/** The id of the name at `start..end` whose hash is given; 0 = none that matters here. */
export function identifyField(bytes: Uint8Array, start: number, end: number, hash: number): number {
  const id = slots[hash & slotMask] ?? 0;
  if (id === 0) return 0;
  return equalsIgnoringCase(bytes, start, end, knownNames[id] ?? '') ? id : 0;
}
