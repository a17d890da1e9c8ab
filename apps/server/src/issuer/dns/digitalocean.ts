// DigitalOcean's API v2 (docs.digitalocean.com/reference/api): domains by name, then records of the domain.
import { z } from 'zod';
import { callApi, parseJson } from './api-call.ts';
import { optionInvalid } from './credentials.ts';
import { parentsOf } from './dns-provider.types.ts';
import type { Credentials, DnsProvider } from './dns-provider.types.ts';

const schema = z.object({
  DIGITALOCEAN_TOKEN: z.string().refine((token) => token !== ''),
  DIGITALOCEAN_API_URL: z.url().default('https://api.digitalocean.com'),
});

/** The least that the API takes. */
const ttlSeconds = 30;
const pageSize = 200;

const recordsSchema = z.object({
  domain_records: z.array(z.object({ id: z.number(), type: z.string(), name: z.string(), data: z.string() })),
});
const errorSchema = z.object({ id: z.string(), message: z.string() });

function explain(body: string): string {
  const error = errorSchema.safeParse(parseJson(body)).data;
  return error === undefined ? '' : `${error.message} (${error.id})`;
}

export function createDigitalOcean(credentials: Credentials): DnsProvider {
  const parsed = schema.safeParse(credentials);
  if (!parsed.success)
    throw optionInvalid(
      'The credentials for digitalocean are not complete.',
      'Needed: DIGITALOCEAN_TOKEN with the scopes domain:read, domain:create and domain:delete.',
    );
  const { DIGITALOCEAN_TOKEN: token, DIGITALOCEAN_API_URL: base } = parsed.data;
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const call = (
    method: 'GET' | 'POST' | 'DELETE',
    path: string,
    more: { signal: AbortSignal; body?: string; alsoOk?: readonly number[] },
  ) => callApi({ provider: 'digitalocean', method, url: `${base}${path}`, headers, explain, ...more });

  const domainOf = async (name: string, signal: AbortSignal): Promise<string> => {
    // Not the name itself: `_acme-challenge.…` is a record; nor a top-level domain.
    for (const candidate of parentsOf(name).slice(1, -1)) {
      const answer = await call('GET', `/v2/domains/${candidate}`, { signal, alsoOk: [404] });
      if (answer.status === 200) return candidate;
    }
    throw new Error(`digitalocean has no domain for ${name} that this token may see`);
  };
  const relative = (name: string, domain: string): string => name.slice(0, -(domain.length + 1));

  return {
    name: 'digitalocean',
    add: async ({ name, value }, signal) => {
      const domain = await domainOf(name, signal);
      const body = JSON.stringify({
        type: 'TXT',
        name: relative(name, domain),
        data: value,
        ttl: ttlSeconds,
      });
      await call('POST', `/v2/domains/${domain}/records`, { body, signal });
    },
    remove: async ({ name, value }, signal) => {
      const domain = await domainOf(name, signal);
      const query = new URLSearchParams({ type: 'TXT', name, per_page: String(pageSize) });
      const answer = await call('GET', `/v2/domains/${domain}/records?${query.toString()}`, { signal });
      const { domain_records: records } = recordsSchema.parse(parseJson(answer.body));
      for (const record of records.filter(({ data }) => data === value))
        await call('DELETE', `/v2/domains/${domain}/records/${record.id}`, { signal, alsoOk: [404] });
    },
  };
}
