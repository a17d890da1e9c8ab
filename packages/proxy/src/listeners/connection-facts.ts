// What is true of a connection for all its requests, read once from its socket.
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { normalizeAddress, type TrustedPeers } from '../headers/address.ts';
import { ConnectionMemory } from '../pipeline/connection-memory.ts';
import type { ProxyHeader } from '../proxy-protocol/header.ts';
import type { ConnectionFacts } from '../pipeline/exchange.ts';
import type { CertificateStore } from '../tls/certificate-store.ts';

export interface FactsInput {
  readonly trusted: TrustedPeers;
  readonly cordoned: boolean;
  /** What the front said of the client, where one has to. */
  readonly front: ProxyHeader | null;
}

export function plainFacts(socket: Socket, { trusted, cordoned, front }: FactsInput): ConnectionFacts {
  const peerAddress = normalizeAddress(front?.source?.address ?? socket.remoteAddress);
  return {
    lane: 'general',
    peerAddress,
    peerPort: front?.source?.port ?? socket.remotePort ?? 0,
    localPort: front?.destination?.port ?? socket.localPort ?? 0,
    peerTrusted: trusted.has(peerAddress),
    tls: false,
    secure: front?.ssl?.overTls ?? false,
    isUnixSocket: socket.remoteAddress === undefined,
    sni: null,
    certificate: null,
    cordoned,
    memory: new ConnectionMemory(),
  };
}

export function tlsFacts(
  socket: TLSSocket,
  input: FactsInput,
  certificates: CertificateStore,
): ConnectionFacts {
  const sni = serverNameOf(socket);
  return {
    ...plainFacts(socket, input),
    tls: true,
    secure: true,
    sni,
    certificate: certificates.select(sni)?.served ?? null,
  };
}

/** Node says `false` where the ClientHello had no name. */
function serverNameOf(socket: TLSSocket): string | null {
  const name: unknown = socket.servername;
  return typeof name === 'string' && name !== '' ? name.toLowerCase() : null;
}
