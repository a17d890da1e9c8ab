// Where the load goes: how a connection is made to it, whatever its name resolves to. It keeps no connection.
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import tls from 'node:tls';

export interface TargetOptions {
  /** Scheme, host name and port: `https://shop.example:8443`. */
  readonly url: string;
  /** The address that is connected to instead of what the host name resolves to. Default 127.0.0.1. */
  readonly address?: string;
  /** Default: accept any certificate, for self-signed ones. */
  readonly verifyCertificate?: boolean;
  /** PEM: trusted instead of the system's roots. */
  readonly ca?: string;
}

export interface Target {
  readonly origin: string;
  /** For `Host` and `:authority`. */
  readonly authority: string;
  readonly hostname: string;
  readonly isSecure: boolean;
  readonly connect: { readonly host: string; readonly port: number };
  readonly tls: tls.ConnectionOptions;
}

export function createTarget(options: TargetOptions): Target {
  const url = new URL(options.url);
  const isSecure = url.protocol === 'https:';
  if (!isSecure && url.protocol !== 'http:')
    throw new TypeError(`${options.url} is neither http: nor https:`);
  const port = url.port === '' ? (isSecure ? 443 : 80) : Number(url.port);
  return {
    origin: url.origin,
    authority: url.host,
    hostname: url.hostname,
    isSecure,
    connect: { host: options.address ?? '127.0.0.1', port },
    tls: {
      rejectUnauthorized: options.verifyCertificate ?? false,
      ...(options.ca === undefined ? {} : { ca: options.ca }),
      // RFC 6066 §3: no address literals in SNI.
      ...(net.isIP(url.hostname) === 0 ? { servername: url.hostname } : {}),
    },
  };
}

/** Without headers: the caller adds `Host`, since the connection goes to an address. */
export function requestOptions(target: Target, agent: http.Agent): https.RequestOptions {
  return {
    agent,
    protocol: target.isSecure ? 'https:' : 'http:',
    host: target.connect.host,
    port: target.connect.port,
    ...(target.isSecure ? target.tls : {}),
  };
}

export function createAgent(target: Target, keepAlive: boolean): http.Agent {
  const options = { keepAlive, maxSockets: 1, ...(keepAlive ? { keepAliveMsecs: 30_000 } : {}) };
  return target.isSecure ? new https.Agent(options) : new http.Agent(options);
}

export function requester(target: Target): typeof http.request {
  return target.isSecure ? https.request : http.request;
}

/** A raw connection, encrypted where the target is, with the ALPN protocols given. */
export function openSocket(target: Target, alpn: readonly string[]): net.Socket {
  if (!target.isSecure) return net.connect(target.connect);
  return tls.connect({ ...target.connect, ...target.tls, ALPNProtocols: [...alpn] });
}
