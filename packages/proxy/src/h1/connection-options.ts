// The options of a Connection field (RFC 9110 §7.6.1) as bits. Knows only those that change what a proxy does.
import { byteAt, byteHtab, byteSp, equalsIgnoringCase, lowerToken } from './bytes.ts';

export const connectionClose = 1;
export const connectionKeepAlive = 2;
export const connectionUpgrade = 4;
/** `te`: a hop-by-hop field that is dropped anyway. */
export const connectionTe = 8;
/** It nominates some other field, which must then go no further. */
export const connectionOther = 16;
export const connectionMalformed = 32;

const byteComma = 0x2c;

/** The options named in `start..end`, or-ed together. Empty list elements are allowed (RFC 9110 §5.6.1). */
export function readConnectionOptions(bytes: Uint8Array, start: number, end: number): number {
  let options = 0;
  let position = start;
  while (position < end) {
    while (position < end && isSeparator(byteAt(bytes, position))) position += 1;
    const from = position;
    while (position < end && byteAt(lowerToken, byteAt(bytes, position)) !== 0) position += 1;
    if (position > from) options |= optionAt(bytes, from, position);
    else if (position < end) return options | connectionMalformed;
  }
  return options;
}

const isSeparator = (byte: number): boolean => byte === byteComma || byte === byteSp || byte === byteHtab;

function optionAt(bytes: Uint8Array, start: number, end: number): number {
  if (equalsIgnoringCase(bytes, start, end, 'keep-alive')) return connectionKeepAlive;
  if (equalsIgnoringCase(bytes, start, end, 'close')) return connectionClose;
  if (equalsIgnoringCase(bytes, start, end, 'upgrade')) return connectionUpgrade;
  if (equalsIgnoringCase(bytes, start, end, 'te')) return connectionTe;
  return connectionOther;
}
