// Which names may be asked of a CA, and which never leave the server. Pure.
import { isIP } from 'node:net';
import { parseRoute } from '@tako/config';

/**
 * Reserved names (RFC 6761, RFC 6762 with its appendix G, RFC 7686, RFC 8375, and `internal` by ICANN's resolution of
 * 2024): no public CA may certify them, and asking would publish names of somebody's network in a log.
 */
const privateSuffixes: ReadonlySet<string> = new Set([
  'localhost',
  'local',
  'test',
  'internal',
  'invalid',
  'example',
  'onion',
  'alt',
  'arpa',
  'intranet',
  'private',
  'corp',
  'home',
  'lan',
  'localdomain',
]);

/** Single labels, addresses and reserved names; a wildcard is what its base is. */
export function isPrivateName(name: string): boolean {
  const base = name.replace(/^\*\./, '');
  if (isIP(base) !== 0 || base.includes(':')) return true;
  const labels = base.split('.');
  const last = labels.at(-1) ?? '';
  return labels.length < 2 || /^\d+$/.test(last) || privateSuffixes.has(last);
}

export const isWildcard = (name: string): boolean => name.startsWith('*.');

/** The hosts of routes, each once, sorted. A route that cannot be read has none. */
export function hostsOf(routes: readonly string[]): string[] {
  const hosts = routes.map((route) => {
    try {
      return parseRoute(route).text.split('/')[0] ?? '';
    } catch {
      // Routes in the state were checked when they came; one that this version cannot read is nobody's host.
      return '';
    }
  });
  return [...new Set(hosts.filter((host) => host !== ''))].toSorted();
}

/** By the name itself or by its wildcard, which stands for exactly one label (RFC 6125 §6.4.3). */
export function isCovered(name: string, by: ReadonlySet<string>): boolean {
  if (by.has(name)) return true;
  const dot = name.indexOf('.');
  return dot > 0 && by.has(`*${name.slice(dot)}`);
}

export const wildcardWithoutProvider = (name: string): string =>
  `${name} needs a DNS provider (\`--dns-provider\`) or a certificate of your own (\`tako certificates add\`): the self-signed one is served.`;
