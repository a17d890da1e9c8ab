// Reads what a TLS connection begins with before TLS does, and gives the bytes back.
import type { Socket } from 'node:net';
import { readFirstBytes } from '../listeners/first-bytes.ts';
import type { Clock } from '../timing/clock.ts';
import { parseClientHello, type ClientHello } from './client-hello.ts';

export interface HelloOptions {
  readonly clock: Clock;
  /** A connection that does not say hello in that time is closed. */
  readonly handshakeTimeoutMs: number;
}

/** Its bytes are given back before `known` is called, the socket paused. Not called where the client leaves before. */
export function readClientHello(
  socket: Socket,
  options: HelloOptions,
  known: (hello: ClientHello) => void,
): void {
  const { clock, handshakeTimeoutMs: timeoutMs } = options;
  const recognise = (seen: Buffer) => {
    const hello = parseClientHello(seen);
    return hello.kind === 'more' ? null : { value: hello, usedBytes: 0 };
  };
  readFirstBytes(socket, { clock, timeoutMs, recognise }, known);
}
