// Whether a plain connection begins with HTTP/2 (prior knowledge, RFC 9113 §3.4) or with HTTP/1: read from its first
// octets, which are given back. Knows no lane.
import type { Socket } from 'node:net';
import { clientPreface } from '../h2/codes.ts';
import type { Clock } from '../timing/clock.ts';
import { readFirstBytes } from './first-bytes.ts';

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
  const compared = Math.min(seen.length, clientPreface.length);
  if (!seen.subarray(0, compared).equals(clientPreface.subarray(0, compared)))
    return { value: false, usedBytes: 0 };
  return compared === clientPreface.length ? { value: true, usedBytes: 0 } : null;
}
