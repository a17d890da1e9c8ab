// Cloudflare's API v4 (developers.cloudflare.com/api): zones by name, then DNS records of the zone.
import { z } from 'zod';
import { callApi, parseJson } from './api-call.ts';
import { optionInvalid } from './credentials.ts';
import { parentsOf } from './dns-provider.types.ts';
import type { Credentials, DnsProvider, TxtRecord } from './dns-provider.types.ts';

const schema = z.object({
  /** With Zone.Zone:Read and Zone.DNS:Edit. */
  CLOUDFLARE_API_TOKEN: z.string().refine((token) => token !== ''),
  CLOUDFLARE_ZONE_ID: z.string().optional(),
  CLOUDFLARE_API_URL: z.url().default('https://api.cloudflare.com/client/v4'),
});

/** The least that an unpaid zone allows. */
const ttlSeconds = 60;

/** An identical record exists already. */
const identicalRecord = 81_058;

const listSchema = z.object({ result: z.array(z.object({ id: z.string() })) });
const errorSchema = z.object({ errors: z.array(z.object({ code: z.number(), message: z.string() })) });

const errorsOf = (body: string) => errorSchema.safeParse(parseJson(body)).data?.errors ?? [];
const explain = (body: string): string =>
  errorsOf(body)
    .map(({ code, message }) => `${message} (${code})`)
    .join('; ');
/** The API gives TXT contents in quotes since 2024, and takes both. */
const quoted = (value: string): string => `"${value}"`;

export function createCloudflare(credentials: Credentials): DnsProvider {
  const parsed = schema.safeParse(credentials);
  if (!parsed.success)
    throw optionInvalid(
      'The credentials for cloudflare are not complete.',
      'Needed: CLOUDFLARE_API_TOKEN (Zone:Read and DNS:Edit of the zone); CLOUDFLARE_ZONE_ID may be given.',
    );
  const {
    CLOUDFLARE_API_TOKEN: token,
    CLOUDFLARE_API_URL: base,
    CLOUDFLARE_ZONE_ID: knownZone,
  } = parsed.data;
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const call = (
    method: 'GET' | 'POST' | 'DELETE',
    path: string,
    more: { signal: AbortSignal; body?: string; alsoOk?: readonly number[] },
  ) => callApi({ provider: 'cloudflare', method, url: `${base}${path}`, headers, explain, ...more });

  const zoneOf = async (name: string, signal: AbortSignal): Promise<string> => {
    if (knownZone !== undefined) return knownZone;
    for (const candidate of parentsOf(name)) {
      const answer = await call('GET', `/zones?name=${encodeURIComponent(candidate)}`, { signal });
      const [zone] = listSchema.parse(parseJson(answer.body)).result;
      if (zone !== undefined) return zone.id;
    }
    throw new Error(`cloudflare has no zone for ${name} that this token may see`);
  };

  const recordIds = async (
    zone: string,
    { name, value }: TxtRecord,
    signal: AbortSignal,
  ): Promise<string[]> => {
    const ids: string[] = [];
    for (const content of [quoted(value), value]) {
      const query = new URLSearchParams({ type: 'TXT', name, content });
      const answer = await call('GET', `/zones/${zone}/dns_records?${query.toString()}`, { signal });
      ids.push(...listSchema.parse(parseJson(answer.body)).result.map(({ id }) => id));
    }
    return [...new Set(ids)];
  };

  return {
    name: 'cloudflare',
    add: async ({ name, value }, signal) => {
      const zone = await zoneOf(name, signal);
      const body = JSON.stringify({ type: 'TXT', name, content: quoted(value), ttl: ttlSeconds });
      const answer = await call('POST', `/zones/${zone}/dns_records`, { body, signal, alsoOk: [400] });
      if (answer.status === 400 && !errorsOf(answer.body).some(({ code }) => code === identicalRecord))
        throw new Error(`cloudflare refused the record: ${explain(answer.body) || 'no reason given'}`);
    },
    remove: async (record, signal) => {
      const zone = await zoneOf(record.name, signal);
      for (const id of await recordIds(zone, record, signal))
        await call('DELETE', `/zones/${zone}/dns_records/${id}`, { signal, alsoOk: [404] });
    },
  };
}
