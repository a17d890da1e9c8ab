// All listeners of one data plane and what happens to an accepted connection: counted, parked or refused, turned into
// TLS, handed to its lane.
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { DataPlaneLog, ListenAddress, ListenInput, ListenerKind } from '../data-plane.types.ts';
import type { TrustedPeers } from '../headers/address.ts';
import type { Lane } from '../lanes/lane.ts';
import type { Limits } from '../limits.ts';
import type { PlaneMetrics } from '../metrics/plane-metrics.ts';
import { errorReply } from '../replies/error-page.ts';
import { formatRawReply } from '../replies/raw-reply.ts';
import type { ProxyHeader, ProxyProtocolMode } from '../proxy-protocol/header.ts';
import { chooseRequestId } from '../headers/request-id.ts';
import type { AlpnChallengeView } from '../control/messages.ts';
import { AlpnChallenges } from '../tls/alpn-challenges.ts';
import type { CertificateStore } from '../tls/certificate-store.ts';
import type { Clock } from '../timing/clock.ts';
import { TlsTerminator } from '../tls/tls-terminator.ts';
import type { ConnectionGate } from './connection-gate.ts';
import { plainFacts, tlsFacts, type FactsInput } from './connection-facts.ts';
import { FrontHeaders } from './front-headers.ts';
import { readPreface } from './http2-preface.ts';
import { openListener, type Listener } from './listener.ts';

export interface FrontDoorDeps {
  readonly clock: Clock;
  readonly gate: ConnectionGate;
  /** The first lane of every connection that speaks HTTP/1. */
  readonly lane: Lane;
  readonly http2Lane: Lane;
  /** Whether plain connections may begin with HTTP/2 (prior knowledge). */
  readonly h2c: boolean;
  readonly certificates: CertificateStore;
  readonly trusted: TrustedPeers;
  readonly limits: Limits;
  readonly metrics: PlaneMetrics;
  readonly proxyProtocol: ProxyProtocolMode;
  readonly log: DataPlaneLog;
}

export class FrontDoor {
  readonly #deps: FrontDoorDeps;
  readonly #terminator: TlsTerminator;
  readonly #alpnChallenges: AlpnChallenges;
  readonly #fronts: FrontHeaders;
  readonly #listeners: Listener[] = [];
  #cordoned = false;
  #closed = false;

  constructor(deps: FrontDoorDeps) {
    this.#deps = deps;
    this.#terminator = new TlsTerminator({
      certificates: deps.certificates,
      clock: deps.clock,
      limits: deps.limits,
      secured: (socket) => this.#secured(socket),
      handshakeEnded: (outcome) => deps.metrics.handshakeEnded(outcome),
    });
    this.#fronts = new FrontHeaders(deps);
    this.#alpnChallenges = new AlpnChallenges({
      clock: deps.clock,
      handshakeTimeoutMs: deps.limits.tlsHandshakeTimeoutMs,
      lingerMs: deps.limits.lingerMs,
    });
  }

  async listen(input: ListenInput): Promise<ListenAddress> {
    const listener = await openListener(input, (socket) => this.#accepted(socket, input.kind));
    if (this.#closed) await listener.close();
    else this.#listeners.push(listener);
    return listener.address;
  }

  /** The port that the first listener of that kind serves; null without one. */
  portOf(kind: ListenerKind): number | null {
    for (const { address } of this.#listeners) {
      if (address.kind === kind && 'port' in address.address) return address.address.port;
    }
    return null;
  }

  /** New connections are told to go elsewhere. */
  cordon(on: boolean): void {
    this.#cordoned = on;
  }

  certificatesChanged(): void {
    this.#terminator.useDefault();
  }

  ticketKeysChanged(keys: Buffer, previous: Buffer | null): void {
    this.#terminator.useTicketKeys(keys, previous);
  }

  alpnChallengesChanged(views: readonly AlpnChallengeView[]): void {
    this.#alpnChallenges.update(views);
  }

  /** No new connection; those accepted go on. */
  async stopAccepting(): Promise<void> {
    this.#closed = true;
    await Promise.all(this.#listeners.map((listener) => listener.close()));
  }

  #accepted(socket: Socket, kind: ListenerKind): void {
    this.#deps.gate.admit(socket, {
      serve: () => this.#fronts.read(socket, (front) => this.#serve(socket, kind, front)),
      refuse: () => this.#refuse(socket, kind),
    });
  }

  #serve(socket: Socket, kind: ListenerKind, front: ProxyHeader | null): void {
    if (kind === 'http') {
      this.#servePlain(socket, front);
      return;
    }
    this.#fronts.remember(socket, front);
    this.#alpnChallenges.admit(socket, (other) => this.#terminator.accept(other));
  }

  #servePlain(socket: Socket, front: ProxyHeader | null): void {
    const { lane, http2Lane, h2c, clock, limits } = this.#deps;
    const facts = plainFacts(socket, this.#factsInput(front));
    if (!h2c) {
      lane.serve(socket, facts);
      return;
    }
    readPreface(socket, { clock, timeoutMs: limits.headTimeoutMs }, (isHttp2) =>
      (isHttp2 ? http2Lane : lane).serve(socket, facts),
    );
  }

  #secured(socket: TLSSocket): void {
    const { lane, http2Lane, certificates } = this.#deps;
    const facts = tlsFacts(socket, this.#factsInput(this.#fronts.of(socket)), certificates);
    (socket.alpnProtocol === 'h2' ? http2Lane : lane).serve(socket, facts);
  }

  /** Plain connections are told why; a TLS one ends before its handshake, which would cost what we do not have. */
  #refuse(socket: Socket, kind: ListenerKind): void {
    const { limits } = this.#deps;
    if (kind === 'https') {
      socket.destroy();
      return;
    }
    const requestId = chooseRequestId(undefined, limits.requestIdCharsMax);
    const reply = errorReply({
      kind: 'serverFull',
      requestId,
      accept: undefined,
      retryAfterSeconds: limits.retryAfterSeconds,
    });
    // Its request is read into the void, so that no reset takes the answer away.
    socket.resume();
    socket.end(formatRawReply(reply));
    socket.setTimeout(limits.lingerMs, () => socket.destroy());
    socket.once('end', () => socket.destroySoon());
  }

  #factsInput(front: ProxyHeader | null): FactsInput {
    return { trusted: this.#deps.trusted, cordoned: this.#cordoned, front };
  }
}
