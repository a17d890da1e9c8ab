// Asks DNS itself: where `_acme-challenge` really lies (CNAMEs are followed, RFC 8555 §8.4 does so, too), and whether all
// name servers of the zone have a value already. Caches are never asked.
import { Resolver } from 'node:dns/promises';
import { errorCode } from '../../files/durable-file.ts';
import { pause } from '../../timing.ts';
import { issuerLimits } from '../limits.ts';
import { parentsOf } from './dns-provider.types.ts';
import type { TxtRecord } from './dns-provider.types.ts';

/** Node's form: `192.0.2.1`, `192.0.2.1:5353`, `[2001:db8::1]:53`. */
export type NameServerAddress = string;

function resolverFor(servers: readonly NameServerAddress[]): Resolver {
  const resolver = new Resolver({ timeout: issuerLimits.propagationQueryTimeoutMs, tries: 2 });
  if (servers.length > 0) resolver.setServers(servers);
  return resolver;
}

const absent: ReadonlySet<string> = new Set(['ENODATA', 'ENOTFOUND']);

/** [] when DNS says that there is none; throws when it does not answer. */
async function orNone<T>(query: Promise<T[]>): Promise<T[]> {
  try {
    return await query;
  } catch (error) {
    if (absent.has(errorCode(error) ?? '')) return [];
    throw error;
  }
}

/** The name behind the CNAMEs of `name`; itself without any. */
export async function resolveAlias(name: string, servers: readonly NameServerAddress[]): Promise<string> {
  const resolver = resolverFor(servers);
  let target = name;
  for (let hops = 0; hops < issuerLimits.aliasHopsMax; hops += 1) {
    const [next] = await orNone(resolver.resolveCname(target));
    if (next === undefined) return target;
    target = next.toLowerCase().replace(/\.$/, '');
  }
  throw new Error(`${name} is an alias of more than ${issuerLimits.aliasHopsMax} others`);
}

/** Addresses of the name servers of the zone that holds the name. */
async function authorities(name: string): Promise<NameServerAddress[]> {
  const resolver = resolverFor([]);
  for (const zone of parentsOf(name).slice(0, -1)) {
    const hosts = await orNone(resolver.resolveNs(zone));
    if (hosts.length === 0) continue;
    const addresses = await Promise.all(hosts.map((host) => orNone(resolver.resolve4(host))));
    const found = addresses.flat();
    if (found.length > 0) return found;
  }
  return [];
}

async function hasValue(server: NameServerAddress, { name, value }: TxtRecord): Promise<boolean> {
  try {
    const texts = await resolverFor([server]).resolveTxt(name);
    return texts.some((parts) => parts.join('') === value);
  } catch {
    // No record yet, or a server that is away: either way it is asked again until the deadline.
    return false;
  }
}

/** `unseen` at the deadline: the CA may still see it, where this server cannot ask (a firewall, split DNS). */
export async function waitForValue(
  record: TxtRecord,
  servers: readonly NameServerAddress[],
  signal: AbortSignal,
): Promise<'seen' | 'unseen'> {
  const end = performance.now() + issuerLimits.propagationTimeoutMs;
  const asked = servers.length > 0 ? servers : await authorities(record.name);
  if (asked.length === 0) return 'unseen';
  while (!signal.aborted) {
    const seen = await Promise.all(asked.map((server) => hasValue(server, record)));
    if (seen.every(Boolean)) return 'seen';
    if (performance.now() + issuerLimits.propagationPollMs > end) return 'unseen';
    await pause(issuerLimits.propagationPollMs, signal);
  }
  return 'unseen';
}
