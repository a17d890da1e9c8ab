// Whether a plain connection begins with HTTP/2 (prior knowledge, RFC 9113 §3.4) or with HTTP/1: read from its first
// octets, which are given back. Knows no lane.
import type { Socket } from 'node:net';
import type { Clock } from '../timing/clock.ts';
import { readFirstBytes } from './first-bytes.ts';

const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');

export interface PrefaceOptions {
  readonly clock: Clock;
  /** A connection that does not say what it is in that time is closed. */
  readonly timeoutMs: number;
}

/** The socket must be paused; it is again when `known` is called. Not called where the client leaves before. */
export function readPreface(
  socket: Socket,
  options: PrefaceOptions,
  known: (isHttp2: boolean) => void,
): void {
  readFirstBytes(socket, { ...options, recognise }, known);
}

/** Whoever leaves before has not even sent a request line: there is nothing to answer. */
function recognise(seen: Buffer): { value: boolean; usedBytes: number } | null {
  const compared = Math.min(seen.length, preface.length);
  if (!seen.subarray(0, compared).equals(preface.subarray(0, compared)))
    return { value: false, usedBytes: 0 };
  return compared === preface.length ? { value: true, usedBytes: 0 } : null;
}
