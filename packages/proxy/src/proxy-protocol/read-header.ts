// Reads the header off a connection before anybody else reads it. Only trusted peers may send one, since it says who
// the client is; everybody else has no business on such a listener.
import type { Socket } from 'node:net';
import { normalizeAddress, type TrustedPeers } from '../headers/address.ts';
import { readFirstBytes } from '../listeners/first-bytes.ts';
import type { Clock } from '../timing/clock.ts';
import type { ProxyHeader, ProxyProtocolMode } from './header.ts';
import { parseProxyHeader } from './parse-header.ts';

export interface ReadProxyHeaderOptions {
  readonly mode: Exclude<ProxyProtocolMode, 'off'>;
  readonly trusted: TrustedPeers;
  readonly clock: Clock;
  /** For the whole header; proxy-protocol.txt §2: a listener must not wait for ever. */
  readonly timeoutMs: number;
  readonly bytesMax: number;
  /** The connection was closed for that. */
  readonly refused: (peer: string, reason: string) => void;
}

/**
 * The socket must be paused; it is again when `known` is called, and what came after the header is back in it. Not
 * called where there is no header to be had: then the connection is closed.
 */
export function readProxyHeader(
  socket: Socket,
  options: ReadProxyHeaderOptions,
  known: (header: ProxyHeader) => void,
): void {
  const peer = normalizeAddress(socket.remoteAddress);
  const refuse = (reason: string): void => {
    options.refused(peer, reason);
    socket.destroy();
  };
  if (!options.trusted.has(peer)) {
    refuse('it is no trusted proxy');
    return;
  }
  const { clock, timeoutMs } = options;
  const recognise = (seen: Buffer) => {
    const parsed = parseProxyHeader(seen, options.mode, options.bytesMax);
    if (parsed.kind === 'more') return null;
    return { value: parsed, usedBytes: parsed.kind === 'invalid' ? 0 : parsed.lengthBytes };
  };
  const lost = (how: 'late' | 'left', seenBytes: number): void => {
    if (how === 'late') options.refused(peer, 'its header did not come in time');
    // A connection that says nothing at all is a look whether the port is open.
    else if (seenBytes > 0) options.refused(peer, 'it left in the middle of its header');
  };
  readFirstBytes(socket, { clock, timeoutMs, recognise, lost }, (parsed) => {
    if (parsed.kind === 'invalid') refuse(parsed.reason);
    else known(parsed.header);
  });
}
