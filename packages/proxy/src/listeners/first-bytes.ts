// Reads what a connection begins with before anybody else does, and gives back what is somebody else's. Knows no protocol.
import type { Socket } from 'node:net';
import type { Clock } from '../timing/clock.ts';

export interface FirstBytesOptions<T> {
  readonly clock: Clock;
  /** A connection whose beginning is not known in that time is closed. */
  readonly timeoutMs: number;
  /** Given all bytes so far: what they are and how many of them are used up; null when it takes more to know. */
  readonly recognise: (seen: Buffer) => { readonly value: T; readonly usedBytes: number } | null;
  /** The connection is closed without `known`: it was too slow, or the client ended it. */
  readonly lost?: (how: 'late' | 'left', seenBytes: number) => void;
}

/**
 * The socket must be paused; it is again when `known` is called, and what was not used up is back in it. `known` is not
 * called where the client leaves before.
 */
export function readFirstBytes<T>(
  socket: Socket,
  options: FirstBytesOptions<T>,
  known: (value: T) => void,
): void {
  let seen: Buffer = Buffer.alloc(0);
  const lose = (how: 'late' | 'left'): void => {
    options.lost?.(how, seen.length);
    socket.destroy();
  };
  const cancel = options.clock.after(options.timeoutMs, () => lose('late'));
  const read = (chunk: Buffer): void => {
    seen = seen.length === 0 ? chunk : Buffer.concat([seen, chunk]);
    const found = options.recognise(seen);
    if (found === null) return;
    release();
    socket.pause();
    if (seen.length > found.usedBytes) socket.unshift(seen.subarray(found.usedBytes));
    known(found.value);
  };
  const ended = (): void => {
    release();
    lose('left');
  };
  const release = (): void => {
    cancel();
    socket.off('data', read);
    socket.off('end', ended);
    socket.off('close', release);
  };
  socket.on('data', read);
  socket.on('end', ended);
  socket.on('close', release);
  socket.resume();
}
