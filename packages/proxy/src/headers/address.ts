// Client addresses as text: IPv4 in its own form, IPv6 without scope, and whether a peer is one that we trust.
import { BlockList, isIP } from 'node:net';
import { TakoError } from '@tako/config';

/** `::ffff:10.0.0.1` is 10.0.0.1; a scope id (`%eth0`) goes; no address at all (a Unix socket) is `unix`. */
export function normalizeAddress(address: string | undefined): string {
  if (address === undefined || address === '') return 'unix';
  const lower = address.toLowerCase();
  if (lower.startsWith('::ffff:') && lower.includes('.')) return lower.slice(7);
  const scope = lower.indexOf('%');
  return scope === -1 ? lower : lower.slice(0, scope);
}

/** Peers whose forwarded fields are believed. */
export class TrustedPeers {
  readonly #list = new BlockList();
  readonly #trustsUnix: boolean;
  readonly isEmpty: boolean;

  /** CIDRs or single addresses; `unix` for peers on a Unix socket. Errors: INVALID_INPUT. */
  constructor(cidrs: readonly string[]) {
    this.isEmpty = cidrs.length === 0;
    this.#trustsUnix = cidrs.includes('unix');
    for (const cidr of cidrs) if (cidr !== 'unix') this.#add(cidr);
  }

  has(address: string): boolean {
    if (this.isEmpty) return false;
    if (address === 'unix') return this.#trustsUnix;
    const family = isIP(address);
    return family !== 0 && this.#list.check(address, family === 6 ? 'ipv6' : 'ipv4');
  }

  #add(cidr: string): void {
    const [address = '', bits] = cidr.split('/');
    const family = isIP(address);
    const widest = family === 6 ? 128 : 32;
    const prefix = bits === undefined ? widest : Number(bits);
    if (family === 0 || !/^\d{1,3}$/.test(bits ?? '0') || prefix > widest) {
      throw new TakoError(
        'INVALID_INPUT',
        `${JSON.stringify(cidr)} is not an address or CIDR of a trusted proxy.`,
        {
          hint: 'Write for example 10.0.0.0/8, 2001:db8::/32 or 192.0.2.7.',
        },
      );
    }
    this.#list.addSubnet(address, prefix, family === 6 ? 'ipv6' : 'ipv4');
  }
}
