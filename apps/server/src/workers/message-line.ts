// The wire of a worker: one JSON value a line over a Unix socket, both ways. Knows framing, not meaning.
import type { Socket } from 'node:net';
import { TakoError } from '@tako/config';
import { workerLineBytesMax } from '../limits.ts';
import { withDeadline } from '../timing.ts';

export interface MessageLine<Out> {
  send(message: Out): void;
  /** What was sent is read by the other side before it is over; resolves then, or at the deadline. */
  finish(timeoutMs: number): Promise<void>;
  close(): void;
}

/** Calls `onMessage` for each value, `onClose` exactly once. A line past the limit or bad JSON closes the socket. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the caller names both directions
export function createMessageLine<In, Out>(
  socket: Socket,
  hooks: { onMessage: (message: In) => void; onClose: (error: Error | null) => void },
): MessageLine<Out> {
  let parts: Buffer[] = [];
  let held = 0;
  let failure: Error | null = null;

  const consume = (chunk: Buffer): void => {
    let rest = chunk;
    for (let at = rest.indexOf(10); at >= 0; at = rest.indexOf(10)) {
      const line =
        parts.length === 0 ? rest.subarray(0, at) : Buffer.concat([...parts, rest.subarray(0, at)]);
      parts = [];
      held = 0;
      rest = rest.subarray(at + 1);
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- both ends are ours, built from the same types
      hooks.onMessage(JSON.parse(line.toString('utf8')) as In);
    }
    if (rest.length === 0) return;
    parts.push(Buffer.from(rest));
    held += rest.length;
    if (held > workerLineBytesMax)
      throw new TakoError('INTERNAL', `a worker message is longer than ${workerLineBytesMax} bytes`);
  };

  socket.on('data', (chunk: Buffer) => {
    try {
      consume(chunk);
    } catch (error) {
      failure = error instanceof Error ? error : new Error(String(error));
      socket.destroy();
    }
  });
  socket.on('error', (error) => (failure ??= error));
  const closed = Promise.withResolvers<void>();
  socket.on('close', () => {
    closed.resolve();
    hooks.onClose(failure);
  });

  return {
    // After a close a message goes nowhere on purpose: the owner learns of the close by onClose.
    send: (message) => void (socket.writable && socket.write(`${JSON.stringify(message)}\n`)),
    // Half of it: one who goes away altogether breaks a message that is on its way to him, and with it what he said last.
    finish: (timeoutMs) => {
      if (!socket.destroyed) socket.end();
      return withDeadline(closed.promise, timeoutMs, undefined);
    },
    close: () => void socket.destroy(),
  };
}
