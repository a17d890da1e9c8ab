// Who the client is and what it asked for: the truth of the connection, or what a trusted peer says of it. A client's
// own claims are never believed (facts, bug 7).
import { isIP } from 'node:net';
import type { ConnectionFacts, Exchange } from '../pipeline/exchange.ts';
import { normalizeAddress, type TrustedPeers } from './address.ts';

export interface ClientOrigin {
  readonly address: string;
  readonly proto: 'http' | 'https';
  /** False behind a trusted peer that says nothing of it: then `proto` is a guess, and redirecting could loop. */
  readonly protoKnown: boolean;
  /** Host as the client wrote it, port included. */
  readonly host: string;
  readonly port: number;
  /** The chain before our peer, as a trusted peer gave it; null otherwise. */
  readonly forwardedFor: string | null;
  readonly forwarded: string | null;
}

export function readClientOrigin(exchange: Exchange, trusted: TrustedPeers): ClientOrigin {
  const { connection } = exchange;
  const host = exchange.authority ?? '';
  if (!connection.peerTrusted) return ownOrigin(connection, host);
  const forwardedFor = exchange.header('x-forwarded-for') ?? null;
  const forwarded = exchange.header('forwarded') ?? null;
  const said = believedProto(exchange.header('x-forwarded-proto')) ?? forwardedProto(forwarded);
  return {
    address: clientAddress(forwardedFor, connection.peerAddress, trusted),
    proto: said ?? (connection.secure ? 'https' : 'http'),
    protoKnown: said !== null || connection.secure,
    host: believedHost(exchange.header('x-forwarded-host')) ?? host,
    port: believedPort(exchange.header('x-forwarded-port')) ?? connection.localPort,
    forwardedFor: forwardedFor === null || forwardedFor.length > 2_048 ? null : forwardedFor,
    forwarded: forwarded === null || forwarded.length > 2_048 ? null : forwarded,
  };
}

/** Nobody is believed: the same for all requests of a connection with the same host. */
function ownOrigin(connection: ConnectionFacts, host: string): ClientOrigin {
  const { memory } = connection;
  if (memory.origin?.host === host) return memory.origin;
  memory.origin = {
    address: connection.peerAddress,
    proto: connection.secure ? 'https' : 'http',
    protoKnown: true,
    host,
    port: connection.localPort,
    forwardedFor: null,
    forwarded: null,
  };
  return memory.origin;
}

/** From the right, the first address that is not one of our own proxies. */
function clientAddress(chain: string | null, peer: string, trusted: TrustedPeers): string {
  if (chain === null) return peer;
  let client = peer;
  for (const item of chain.split(',').reverse()) {
    const address = parseHop(item);
    if (address === null) return client;
    client = address;
    if (!trusted.has(address)) return client;
  }
  return client;
}

/** An address, with or without port and brackets; null when it is no address. */
function parseHop(item: string): string | null {
  const text = item.trim().replace(/^"|"$/g, '');
  const bracketed = /^\[([^\]]+)\](?::\d+)?$/.exec(text);
  const bare = bracketed?.[1] ?? (/^[^:]+:\d+$/.test(text) ? text.slice(0, text.indexOf(':')) : text);
  const address = normalizeAddress(bare);
  return isIP(address) === 0 ? null : address;
}

function believedProto(value: string | undefined): 'http' | 'https' | null {
  const first = value?.split(',')[0]?.trim().toLowerCase();
  return first === 'http' || first === 'https' ? first : null;
}

/** The first element's `proto` (RFC 7239 §5.4): what the client used towards the first proxy. */
function forwardedProto(forwarded: string | null): 'http' | 'https' | null {
  const first = forwarded?.split(',')[0] ?? '';
  return believedProto(/(?:^|;)\s*proto="?(https?)"?/i.exec(first)?.[1]);
}

function believedHost(value: string | undefined): string | null {
  const first = value?.split(',')[0]?.trim();
  return first !== undefined && /^[A-Za-z0-9.:[\]_-]{1,255}$/.test(first) ? first : null;
}

function believedPort(value: string | undefined): number | null {
  const first = value?.split(',')[0]?.trim() ?? '';
  const port = Number(first);
  return /^\d{1,5}$/.test(first) && port > 0 && port < 65_536 ? port : null;
}
