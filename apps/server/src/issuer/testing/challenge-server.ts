// Answers HTTP-01 and TLS-ALPN-01 as the data plane does: by host and token from the last published list, and by a
// handshake with `acme-tls/1`. For tests only.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createSecureContext, createServer as createTlsServer } from 'node:tls';
import type { AlpnChallengeView, ChallengeView } from '../challenge-board.ts';

export interface ChallengeServer extends AsyncDisposable {
  readonly httpPort: number;
  readonly tlsPort: number;
  http: readonly ChallengeView[];
  alpn: readonly AlpnChallengeView[];
  /** Hosts and tokens that were asked for. */
  readonly asked: string[];
}

export async function startChallengeServer(): Promise<ChallengeServer> {
  const asked: string[] = [];
  const http = createServer((request, response) => {
    const host = (request.headers.host ?? '').replace(/:\d+$/, '');
    const token = (request.url ?? '').replace('/.well-known/acme-challenge/', '');
    asked.push(`${host} ${token}`);
    const found = server.http.find((entry) => entry.host === host && entry.challenge === token);
    response.statusCode = found === undefined ? 404 : 200;
    response.end(found?.keyAuthorization ?? 'the app');
  });
  const tls = createTlsServer({
    ALPNProtocols: ['acme-tls/1'],
    SNICallback: (name, done) => {
      asked.push(`${name} alpn`);
      const found = server.alpn.find((entry) => entry.host === name);
      done(null, found && createSecureContext({ cert: found.certificate, key: found.privateKey }));
    },
  });
  tls.on('tlsClientError', () => undefined);
  for (const each of [http, tls]) {
    await new Promise<void>((resolve) => each.listen(0, '127.0.0.1', resolve));
  }
  const server: ChallengeServer = {
    httpPort: (http.address() as AddressInfo).port,
    tlsPort: (tls.address() as AddressInfo).port,
    http: [],
    alpn: [],
    asked,
    [Symbol.asyncDispose]: async () => {
      http.closeAllConnections();
      await Promise.all([http, tls].map((each) => new Promise((resolve) => each.close(resolve))));
    },
  };
  return server;
}
