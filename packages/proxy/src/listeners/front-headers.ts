// The PROXY protocol on the listeners of one data plane: read off each connection where it is due, kept until the
// handshake has made another socket of it, refusals counted and said now and then.
import type { Socket } from 'node:net';
import type { DataPlaneLog } from '../data-plane.types.ts';
import type { TrustedPeers } from '../headers/address.ts';
import type { Limits } from '../limits.ts';
import type { PlaneMetrics } from '../metrics/plane-metrics.ts';
import type { ProxyHeader, ProxyProtocolMode } from '../proxy-protocol/header.ts';
import { readProxyHeader } from '../proxy-protocol/read-header.ts';
import type { Clock } from '../timing/clock.ts';
import { connectionKey } from './connection-key.ts';

export interface FrontHeadersDeps {
  readonly proxyProtocol: ProxyProtocolMode;
  readonly trusted: TrustedPeers;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly metrics: PlaneMetrics;
  readonly log: DataPlaneLog;
}

export class FrontHeaders {
  readonly #deps: FrontHeadersDeps;
  readonly #byConnection = new Map<string, ProxyHeader>();
  #refusedUnsaid = 0;
  #quietUntil = -Infinity;

  constructor(deps: FrontHeadersDeps) {
    this.#deps = deps;
  }

  /** Calls `known` with the header, or with null at once where none is due. The socket must be paused, and is again. */
  read(socket: Socket, known: (front: ProxyHeader | null) => void): void {
    const { proxyProtocol, trusted, clock, limits } = this.#deps;
    if (proxyProtocol === 'off') {
      known(null);
      return;
    }
    readProxyHeader(
      socket,
      {
        mode: proxyProtocol,
        trusted,
        clock,
        timeoutMs: limits.proxyHeaderTimeoutMs,
        bytesMax: limits.proxyHeaderBytesMax,
        refused: (peer, reason) => this.#refused(peer, reason),
      },
      known,
    );
  }

  /** Until the connection ends. */
  remember(socket: Socket, front: ProxyHeader | null): void {
    if (front === null) return;
    const key = connectionKey(socket);
    this.#byConnection.set(key, front);
    socket.once('close', () => this.#byConnection.delete(key));
  }

  /** Of a raw socket, or of the TLS socket made of it. */
  of(socket: Socket): ProxyHeader | null {
    return this.#byConnection.size === 0 ? null : (this.#byConnection.get(connectionKey(socket)) ?? null);
  }

  /** A front that is not trusted, or speaks another version, is an outage: said once a minute, never per connection. */
  #refused(peer: string, reason: string): void {
    const { metrics, clock, limits, log } = this.#deps;
    metrics.proxyHeaderRefused();
    this.#refusedUnsaid += 1;
    if (clock.now() < this.#quietUntil) return;
    this.#quietUntil = clock.now() + limits.proxyRefusalsLogIntervalMs;
    log.warn({ peer, reason, connections: this.#refusedUnsaid }, 'connection refused for its PROXY header');
    this.#refusedUnsaid = 0;
  }
}
