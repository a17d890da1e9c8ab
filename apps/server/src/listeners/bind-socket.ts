// Binds one listening TCP socket without accepting on it, and says why where it cannot.
import net from 'node:net';
import { TakoError } from '@tako/config';
import { errorCode } from '../files/durable-file.ts';

export interface BindPlace {
  /** For people: `http`, `https`, `metrics`. */
  readonly kind: string;
  readonly host: string;
  readonly port: number;
  readonly reusePort: boolean;
  /** Which option chooses another place. */
  readonly option: string;
}

/** Throws LISTEN_FAILED. */
export function bindTcpSocket({ kind, host, port, reusePort, option }: BindPlace): net.BoundSocket {
  try {
    return new net.BoundSocket({ host, port, reusePort, ...(net.isIPv6(host) ? { ipv6Only: true } : {}) });
  } catch (cause) {
    const errno = errorCode(cause) ?? 'unknown';
    const hints: Readonly<Record<string, string>> = {
      EADDRINUSE: `another process listens there: ss -ltnp 'sport = :${port}' names it; or choose ${option}`,
      EACCES: 'ports below 1024 need CAP_NET_BIND_SERVICE, as the systemd unit gives it',
    };
    throw new TakoError('LISTEN_FAILED', `cannot listen on ${host} port ${port} (${kind}): ${errno}`, {
      hint: hints[errno] ?? `check ${option}`,
      cause,
      details: { host, port, kind, errno },
    });
  }
}

/** `127.0.0.1:8080`, `[::1]:8080`, or a Unix socket's path. */
export function placeText({ address, port }: { readonly address: string; readonly port: number }): string {
  if (port === 0) return address;
  return net.isIPv6(address) ? `[${address}]:${port}` : `${address}:${port}`;
}
