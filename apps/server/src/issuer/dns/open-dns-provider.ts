// The DNS provider that the options name, with its credentials.
import { createCloudflare } from './cloudflare.ts';
import { optionInvalid, parseCredentials, readSecretFile } from './credentials.ts';
import { createDigitalOcean } from './digitalocean.ts';
import type { Credentials, DnsProvider } from './dns-provider.types.ts';
import { createExecHook } from './exec-hook.ts';
import type { NameServerAddress } from './propagation.ts';
import { createRfc2136 } from './rfc2136.ts';
import { createRoute53 } from './route53.ts';

const providers: Readonly<Record<string, (credentials: Credentials, nowMs: () => number) => DnsProvider>> = {
  cloudflare: createCloudflare,
  digitalocean: createDigitalOcean,
  exec: createExecHook,
  rfc2136: createRfc2136,
  route53: createRoute53,
};

const dnsProviderNames: readonly string[] = Object.freeze(Object.keys(providers));

export interface OpenDnsProvider {
  readonly provider: DnsProvider;
  /** Asked whether a record is there, instead of the zone's own servers (`PROPAGATION_SERVERS`, by commas). */
  readonly servers: readonly NameServerAddress[];
}

/** Throws OPTION_INVALID. */
export async function openDnsProvider(
  name: string,
  credentialsFile: string,
  nowMs: () => number,
): Promise<OpenDnsProvider> {
  const create = providers[name];
  if (create === undefined)
    throw optionInvalid(
      `--dns-provider is ${JSON.stringify(name)}.`,
      `Allowed: ${dnsProviderNames.join(', ')}.`,
    );
  const credentials = parseCredentials(await readSecretFile(credentialsFile), credentialsFile);
  const servers = (credentials['PROPAGATION_SERVERS'] ?? '')
    .split(',')
    .map((server) => server.trim())
    .filter(Boolean);
  return { provider: create(credentials, nowMs), servers };
}
