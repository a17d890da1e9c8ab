// One listening socket: inherited, handed over as an object, or bound here. Accepts without reading.
import { createServer, type Server, type Socket } from 'node:net';
import type { ListenAddress, ListenInput } from '../data-plane.types.ts';

export interface Listener {
  readonly address: ListenAddress;
  /** Stops accepting. Other processes that share the socket go on. Idempotent. */
  readonly close: () => Promise<void>;
}

export async function openListener(
  input: ListenInput,
  accepted: (socket: Socket) => void,
): Promise<Listener> {
  // Paused: a connection that is parked or turned into TLS must have its first bytes still in the kernel.
  // Half-open only where HTTP decides about it: a client that leaves in the middle of a handshake is gone.
  const server = createServer(
    { pauseOnConnect: true, noDelay: true, allowHalfOpen: input.kind === 'http' },
    (socket) => {
      // Without an address a TCP connection was reset before it was accepted; a Unix socket never has one.
      if (isTcp && socket.remoteAddress === undefined) socket.on('error', () => undefined).destroy();
      else accepted(socket);
    },
  );
  let isTcp = false;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(listenOptions(input), () => {
      server.off('error', reject);
      resolve();
    });
  });
  isTcp = 'port' in addressOf(server);
  // EMFILE and its like: the accept is lost, the listener is not; the kernel keeps the queue.
  server.on('error', () => undefined);
  let closing: Promise<void> | null = null;
  return {
    address: { kind: input.kind, address: addressOf(server) },
    close: () => (closing ??= new Promise((resolve) => server.close(() => resolve()))),
  };
}

/** Node's `listen` takes each of these forms; with one parameter it chooses by shape. */
function listenOptions(input: ListenInput): object {
  if ('fd' in input) return { fd: input.fd };
  if ('handle' in input) return input.handle;
  if ('path' in input) return { path: input.path };
  return { port: input.port, host: input.host };
}

function addressOf(server: Server): ListenAddress['address'] {
  const address = server.address();
  // Node does not ask an inherited Unix socket for its name.
  if (address === null) return { path: '' };
  return typeof address === 'string' ? { path: address } : { host: address.address, port: address.port };
}
