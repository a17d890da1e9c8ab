// Ends a connection whose client may still be sending: a reset for unread bytes could take the last answer with it
// (RFC 9112 §9.6), so the sending side ends first, and for a bounded time and amount what still comes is discarded.
import { Socket } from 'node:net';
import type { Clock } from '../../timing/clock.ts';

export interface LingerLimits {
  readonly lingerMs: number;
  readonly lingerBytesMax: number;
}

/** Somebody must keep reading (a parser, or a resumed socket). */
export function closeLingering(socket: Socket, clock: Clock, limits: LingerLimits): void {
  if (socket.destroyed) return;
  socket.end();
  const before = socket.bytesRead;
  const started = clock.now();
  const stepMs = Math.max(1, Math.min(100, limits.lingerMs));
  let cancel = (): void => undefined;
  const look = (): void => {
    const read = socket.bytesRead - before;
    if (clock.now() - started >= limits.lingerMs || read > limits.lingerBytesMax) socket.destroy();
    else cancel = clock.after(stepMs, look);
  };
  cancel = clock.after(stepMs, look);
  socket.once('end', () => Socket.prototype.destroySoon.call(socket));
  socket.once('close', () => cancel());
}
