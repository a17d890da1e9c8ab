// Turns raw connections into TLS ones. Holds no listener: connections are handed to it after they were counted.
import type { Socket } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { connectionKey } from '../listeners/connection-key.ts';
import type { Limits } from '../limits.ts';
import type { HandshakeOutcome } from '../metrics/plane-metrics.ts';
import type { Clock } from '../timing/clock.ts';
import type { CertificateStore } from './certificate-store.ts';
import { HandshakeQueue } from './handshake-queue.ts';
import { readClientHello } from './read-client-hello.ts';
import { tlsProfile } from './tls-profile.ts';

export interface TlsTerminatorOptions {
  readonly certificates: CertificateStore;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly secured: (socket: TLSSocket) => void;
  readonly handshakeEnded: (outcome: HandshakeOutcome) => void;
}

interface PreviousKeys {
  readonly name: Buffer;
  readonly keys: Buffer;
  readonly server: Server;
}

/** What a ticket says its key by (RFC 5077 §4); OpenSSL has it first in the key material. */
const nameOf = (keys: Buffer): Buffer => keys.subarray(0, 16);

export class TlsTerminator {
  readonly #server: Server;
  readonly #options: TlsTerminatorOptions;
  readonly #handshakes: HandshakeQueue;
  #ticketKeys: Buffer | null = null;
  /** A server has one set of ticket keys: tickets of those before are taken by one that has them. */
  #previous: PreviousKeys | null = null;

  constructor(options: TlsTerminatorOptions) {
    this.#options = options;
    this.#server = this.#createServer();
    this.#handshakes = new HandshakeQueue({
      clock: options.clock,
      handshakesMax: options.limits.tlsHandshakesMax,
      queuedMax: options.limits.tlsHandshakesQueuedMax,
      queuedTimeoutMs: options.limits.tlsHandshakeTimeoutMs,
      begin: (socket) => this.#begin(socket),
    });
  }

  /** Takes over a connection whose bytes nobody has read. */
  accept(socket: Socket): void {
    this.#handshakes.admit(socket);
  }

  /** Clients without SNI get the server's own context, which no callback chooses. */
  useDefault(): void {
    this.#setDefault(this.#server, this.#ticketKeys);
    if (this.#previous !== null) this.#setDefault(this.#previous.server, this.#previous.keys);
  }

  /**
   * From now on tickets are made and read with these 48 octets, whatever certificate SNI chooses: OpenSSL keeps to the
   * context that a connection began with. Tickets of `previous` are still taken; those of other keys lead to a whole
   * handshake.
   */
  useTicketKeys(keys: Buffer, previous: Buffer | null): void {
    this.#ticketKeys = keys;
    this.#server.setTicketKeys(keys);
    if (previous === null) {
      this.#previous = null;
      return;
    }
    const server = this.#createServer();
    this.#setDefault(server, previous);
    this.#previous = { name: nameOf(previous), keys: previous, server };
  }

  #begin(socket: Socket): void {
    const previous = this.#previous;
    if (previous === null) {
      this.#server.emit('connection', socket);
      return;
    }
    const { clock, limits } = this.#options;
    const options = { clock, handshakeTimeoutMs: limits.tlsHandshakeTimeoutMs };
    readClientHello(socket, options, (hello) => {
      const isPrevious = hello.kind === 'hello' && hello.ticketKeyName?.equals(previous.name) === true;
      (isPrevious ? previous.server : this.#server).emit('connection', socket);
    });
  }

  #createServer(): Server {
    const { certificates, limits, secured, handshakeEnded } = this.#options;
    const server = createServer({
      ...tlsProfile,
      // Ours is the order of preference (RFC 7301 §3.2).
      ALPNProtocols: ['h2', 'http/1.1'],
      handshakeTimeout: limits.tlsHandshakeTimeoutMs,
      SNICallback: (name, done) => done(null, certificates.context(name) ?? undefined),
    });
    server.on('secureConnection', (socket) => {
      this.#handshakes.ended(connectionKey(socket));
      handshakeEnded(socket.isSessionReused() ? 'resumed' : 'full');
      secured(socket);
    });
    // Garbage, time-outs, clients that leave: theirs to explain, not ours.
    server.on('tlsClientError', (_error, socket) => {
      handshakeEnded('failed');
      socket.destroy();
    });
    return server;
  }

  #setDefault(server: Server, ticketKeys: Buffer | null): void {
    const fallback = this.#options.certificates.default;
    if (fallback !== null) {
      const { certificate, privateKey } = fallback.view;
      server.setSecureContext({ ...tlsProfile, cert: certificate, key: privateKey, dhparam: 'auto' });
    }
    // A new context begins with keys of its own.
    if (ticketKeys !== null) server.setTicketKeys(ticketKeys);
  }
}
