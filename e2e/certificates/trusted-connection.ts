// One TLS connection as a browser makes it: the chain and the name are verified, the certificate is told.
import { once } from 'node:events';
import { connect, type TLSSocket } from 'node:tls';

export interface TrustedPlace {
  readonly port: number;
  readonly host: string;
  /** PEM of the root. */
  readonly ca: string;
}

export interface TrustedConnection extends Disposable {
  readonly socket: TLSSocket;
  readonly serial: string;
  /** One request over HTTP/1.1; resolves to its status line. Rejects when the connection ends instead. */
  ask(): Promise<string>;
}

/** Rejects with what the client would see: an error of TLS, of trust, or of the network. */
export async function connectTrusted({ port, host, ca }: TrustedPlace): Promise<TrustedConnection> {
  const socket = connect({ host: '127.0.0.1', port, servername: host, ca, ALPNProtocols: ['http/1.1'] });
  await once(socket, 'secureConnect');
  return {
    socket,
    serial: socket.getPeerCertificate().serialNumber,
    ask: async () => {
      const closed = once(socket, 'close').then(() => {
        throw new Error('the connection ended without an answer');
      });
      socket.write(`GET /healthz HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
      const [answer] = (await Promise.race([once(socket, 'data'), closed])) as [Buffer];
      return answer.toString('latin1').split('\r\n', 1)[0] ?? '';
    },
    [Symbol.dispose]: () => void socket.destroy(),
  };
}
