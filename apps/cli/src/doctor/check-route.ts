// A route as a visitor meets it: its name in DNS, the ports there, the certificate that is shown. Each needs the one before.
// Knows no management socket.
import { lookup } from 'node:dns/promises';
import { connect } from 'node:net';
import { connect as connectTls, type PeerCertificate } from 'node:tls';
import type { RouteHost } from '@tako/config';
import { limits } from '../limits.ts';
import { formatDuration } from '../output/text.ts';
import { found, type Finding } from './diagnosis.ts';

export interface RouteCheck {
  readonly host: RouteHost;
  readonly url: string;
  /** What the servers' own names resolve to; empty where that is not known (a jump host, a local socket). */
  readonly serverAddresses: readonly string[];
  readonly ports: { readonly http: number; readonly https: number };
  readonly resolve: (name: string) => Promise<string[]>;
}

export async function checkRoute(check: RouteCheck): Promise<Finding[]> {
  const { url, ports } = check;
  // Any label will do for a wildcard: all of them must resolve.
  const name = check.host.kind === 'wildcard' ? `tako-doctor.${check.host.name}` : check.host.name;
  const dns = await checkDns(name, check);
  if (dns.addresses.length === 0) return [dns.finding];
  const reached = await Promise.all(
    [ports.https, ports.http].map((port) => checkPort(url, dns.addresses, port)),
  );
  const findings = [dns.finding, ...reached.map(({ finding }) => finding)];
  const address = reached[0]?.address ?? null;
  if (address === null) return findings;
  return [...findings, await checkCertificate({ url, name, address, port: ports.https })];
}

/** All addresses of a name. Rejects with the resolver's error, or late. */
export async function resolveName(name: string): Promise<string[]> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(Object.assign(new Error('no answer'), { code: 'ETIMEOUT' })),
    limits.dnsTimeoutMs,
  );
  try {
    const answers = await Promise.race([lookup(name, { all: true }), late.promise]);
    return answers.map(({ address }) => address);
  } finally {
    clearTimeout(timer);
  }
}

async function checkDns(
  name: string,
  { url, resolve, serverAddresses }: RouteCheck,
): Promise<{ finding: Finding; addresses: readonly string[] }> {
  const place = { layer: 'dns', subject: url };
  const there = serverAddresses.length === 0 ? 'the server' : serverAddresses.join(' or ');
  try {
    const addresses = await resolve(name);
    const listed = `${name} is ${addresses.join(', ')}`;
    const isElsewhere =
      serverAddresses.length > 0 && !addresses.some((address) => serverAddresses.includes(address));
    const finding = isElsewhere
      ? found(
          place,
          'warning',
          `${listed}, which is none of its servers (${there})`,
          `If no load balancer or CDN stands in front, point its A and AAAA records at ${there}.`,
        )
      : found(place, 'ok', listed);
    return { finding, addresses };
  } catch (error) {
    const finding = found(
      place,
      'warning',
      `${name} does not resolve (${codeOf(error)})`,
      `Point its A and AAAA records at ${there}.`,
    );
    return { finding, addresses: [] };
  }
}

async function checkPort(
  url: string,
  addresses: readonly string[],
  port: number,
): Promise<{ finding: Finding; address: string | null }> {
  const place = { layer: 'ports', subject: url };
  const errors: string[] = [];
  for (const address of addresses) {
    const error = await reach(address, port);
    if (error === null) return { finding: found(place, 'ok', `port ${port} answers on ${address}`), address };
    errors.push(`${address}: ${error}`);
  }
  const finding = found(
    place,
    'failed',
    `port ${port} cannot be reached from here (${errors.join('; ')})`,
    `Open port ${port} in the firewall of the server and of its provider, and look whether tako-server listens: tako servers status`,
  );
  return { finding, address: null };
}

/** null when somebody accepts; else what the operating system says. */
async function reach(host: string, port: number): Promise<string | null> {
  const socket = connect({ host, port });
  const { promise, resolve } = Promise.withResolvers<string | null>();
  socket.setTimeout(limits.portTimeoutMs, () => resolve('no answer'));
  socket.on('connect', () => resolve(null));
  socket.on('error', (error) => resolve(codeOf(error)));
  return promise.finally(() => socket.destroy());
}

async function checkCertificate(of: {
  url: string;
  name: string;
  address: string;
  port: number;
}): Promise<Finding> {
  const place = { layer: 'certificate', subject: of.url };
  const socket = connectTls({
    host: of.address,
    port: of.port,
    servername: of.name,
    // It is looked at, not trusted: nothing is sent.
    rejectUnauthorized: false,
  });
  const { promise, resolve } = Promise.withResolvers<Finding>();
  const failed = (why: string): void =>
    resolve(
      found(
        place,
        'failed',
        `a browser does not accept what ${of.address} shows for ${of.name}: ${why}`,
        'See what its server says of it: tako certificates ls',
      ),
    );
  socket.setTimeout(limits.portTimeoutMs, () => failed('no TLS handshake in time'));
  socket.on('error', (error) => failed(codeOf(error)));
  socket.on('secureConnect', () => {
    if (!socket.authorized) return failed(String(socket.authorizationError));
    const left = Date.parse((socket.getPeerCertificate() satisfies PeerCertificate).valid_to) - Date.now();
    return resolve(found(place, 'ok', `${of.name} is trusted, good for ${formatDuration(left)}`));
  });
  return promise.finally(() => socket.destroy());
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return 'code' in error ? String(error.code) : error.message;
}
