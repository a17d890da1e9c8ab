// TLS-ALPN-01 (RFC 8737): while challenges are pending, the ClientHello of each connection is read before TLS is; one
// that asks for `acme-tls/1` alone and a name with a challenge goes to a server of its own, all others go on untouched.
// (`ALPNCallback` beside an `SNICallback` would serve the wrong certificate.)
import type { Socket } from 'node:net';
import { createSecureContext, createServer, type SecureContext, type Server } from 'node:tls';
import type { AlpnChallengeView } from '../control/messages.ts';
import type { ClientHello } from './client-hello.ts';
import { readClientHello, type HelloOptions } from './read-client-hello.ts';

const protocol = 'acme-tls/1';

export interface AlpnChallengesOptions extends HelloOptions {
  /** How long a validation may leave its connection open after the handshake. */
  readonly lingerMs: number;
}

export class AlpnChallenges {
  readonly #options: AlpnChallengesOptions;
  readonly #server: Server;
  #contexts: ReadonlyMap<string, SecureContext> = new Map();

  constructor(options: AlpnChallengesOptions) {
    this.#options = options;
    this.#server = createServer({
      // RFC 8737 §4: TLS 1.2 or later.
      minVersion: 'TLSv1.2',
      ALPNProtocols: [protocol],
      handshakeTimeout: options.handshakeTimeoutMs,
      SNICallback: (name, done) => done(null, this.#contexts.get(name.toLowerCase())),
    });
    this.#server.on('secureConnection', (socket) => {
      // The handshake is the answer: nothing is said after it (RFC 8737 §3).
      socket.on('error', () => socket.destroy());
      socket.setTimeout(options.lingerMs, () => socket.destroy());
      socket.resume();
      socket.end();
    });
    this.#server.on('tlsClientError', (_error, socket) => socket.destroy());
  }

  /** Replaces the whole list. One that cannot be used is left out: its validation fails, and nothing else. */
  update(views: readonly AlpnChallengeView[]): void {
    const contexts = new Map<string, SecureContext>();
    for (const { host, certificate, privateKey } of views) {
      try {
        contexts.set(host.toLowerCase(), createSecureContext({ cert: certificate, key: privateKey }));
      } catch {
        // The issuer sees the CA's refusal, which says more than this would.
      }
    }
    this.#contexts = contexts;
  }

  /** Takes the connection when it is a validation; gives it to `otherwise` untouched when it is not. Must be paused. */
  admit(socket: Socket, otherwise: (socket: Socket) => void): void {
    if (this.#contexts.size === 0) {
      otherwise(socket);
      return;
    }
    readClientHello(socket, this.#options, (hello) => {
      if (this.#isValidation(hello)) this.#server.emit('connection', socket);
      else otherwise(socket);
    });
  }

  #isValidation(hello: ClientHello): boolean {
    return (
      hello.kind === 'hello' &&
      hello.protocols.length === 1 &&
      hello.protocols[0] === protocol &&
      hello.serverName !== null &&
      this.#contexts.has(hello.serverName)
    );
  }
}
