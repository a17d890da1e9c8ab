// What a raw socket and the TLS socket made of it have in common.
import type { Socket } from 'node:net';

/** Unique among the living connections of a process: the address pair, or the descriptor of a Unix socket. */
export function connectionKey(socket: Socket): string {
  if (socket.remoteAddress !== undefined)
    return [socket.remoteAddress, socket.remotePort, socket.localAddress, socket.localPort].join(' ');
  // Node has no public name for it; a TLS handle answers with the descriptor below it.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- checked where it is read
  const { _handle: handle } = socket as unknown as { readonly _handle?: { readonly fd?: number } | null };
  return `unix ${handle?.fd ?? -1}`;
}
