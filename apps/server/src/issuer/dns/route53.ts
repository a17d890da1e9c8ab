// Amazon Route 53 (docs.aws.amazon.com/Route53/latest/APIReference): a record set is written as a whole, so ours is added
// to the values that are there, and a change is waited for until all of its servers have it.
import { z } from 'zod';
import { pause } from '../../timing.ts';
import type { HttpAnswer } from '../http-request.ts';
import { issuerLimits } from '../limits.ts';
import { callApi } from './api-call.ts';
import { optionInvalid } from './credentials.ts';
import { parentsOf } from './dns-provider.types.ts';
import type { Credentials, DnsProvider, TxtRecord } from './dns-provider.types.ts';
import { signAwsRequest } from './sigv4.ts';

const schema = z.object({
  AWS_ACCESS_KEY_ID: z.string().refine((text) => text !== ''),
  AWS_SECRET_ACCESS_KEY: z.string().refine((text) => text !== ''),
  AWS_SESSION_TOKEN: z.string().optional(),
  AWS_HOSTED_ZONE_ID: z.string().optional(),
  ROUTE53_API_URL: z.url().default('https://route53.amazonaws.com'),
});

const ttlSeconds = 60;
const version = '2013-04-01';

const entities: Readonly<Record<string, string>> = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' };
const unescape = (text: string): string =>
  text
    .replace(/&#(\d+);/g, (_, code: string) => String.fromCodePoint(Number(code)))
    .replace(/&(lt|gt|quot|apos|amp);/g, (_, name: string) => entities[name] ?? '');
const escape = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

/** The contents of each element of that name; AWS nests none of those asked for in itself. */
function elements(xml: string, name: string): string[] {
  return [...xml.matchAll(new RegExp(`<${name}(?:\\s[^>]*)?>([\\s\\S]*?)</${name}>`, 'g'))].map(
    (match) => match[1] ?? '',
  );
}

const text = (xml: string, name: string): string => unescape(elements(xml, name)[0] ?? '').trim();

const explain = (xml: string): string => [text(xml, 'Code'), text(xml, 'Message')].filter(Boolean).join(': ');

/** Names come with a dot at the end and `\052` for `*`. */
const plainName = (name: string): string => name.replace(/\.$/, '').replaceAll('\\052', '*').toLowerCase();

interface RecordSet {
  readonly ttl: string;
  /** With their quotes. */
  readonly values: readonly string[];
}

export function createRoute53(credentials: Credentials, nowMs: () => number): DnsProvider {
  const parsed = schema.safeParse(credentials);
  if (!parsed.success)
    throw optionInvalid(
      'The credentials for route53 are not complete.',
      'Needed: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY; AWS_SESSION_TOKEN and AWS_HOSTED_ZONE_ID may be given.',
    );
  const { data } = parsed;
  const key = {
    accessKeyId: data.AWS_ACCESS_KEY_ID,
    secretAccessKey: data.AWS_SECRET_ACCESS_KEY,
    sessionToken: data.AWS_SESSION_TOKEN ?? null,
  };

  const call = (
    method: 'GET' | 'POST',
    path: string,
    more: { signal: AbortSignal; body?: string },
  ): Promise<HttpAnswer> => {
    const url = `${data.ROUTE53_API_URL}/${version}${path}`;
    const signed = {
      method,
      url,
      body: more.body ?? '',
      region: 'us-east-1',
      service: 'route53',
      nowMs: nowMs(),
    };
    const headers = {
      ...signAwsRequest(signed, key),
      ...(more.body === undefined ? {} : { 'content-type': 'text/xml' }),
    };
    return callApi({ provider: 'route53', method, url, headers, explain, ...more });
  };

  const zoneOf = async (name: string, signal: AbortSignal): Promise<string> => {
    if (data.AWS_HOSTED_ZONE_ID !== undefined) return data.AWS_HOSTED_ZONE_ID.replace(/^\/hostedzone\//, '');
    for (const candidate of parentsOf(name)) {
      const query = new URLSearchParams({ dnsname: candidate, maxitems: '10' });
      const { body } = await call('GET', `/hostedzonesbyname?${query.toString()}`, { signal });
      const zone = elements(body, 'HostedZone').find(
        (entry) => plainName(text(entry, 'Name')) === candidate && text(entry, 'PrivateZone') !== 'true',
      );
      if (zone !== undefined) return text(zone, 'Id').replace(/^\/hostedzone\//, '');
    }
    throw new Error(`route53 has no public hosted zone for ${name} that this key may see`);
  };

  const current = async (zone: string, name: string, signal: AbortSignal): Promise<RecordSet | null> => {
    const query = new URLSearchParams({ name, type: 'TXT', maxitems: '1' });
    const { body } = await call('GET', `/hostedzone/${zone}/rrset?${query.toString()}`, { signal });
    // The list begins at the name: it may hold the next one instead.
    const set = elements(body, 'ResourceRecordSet').find(
      (entry) => plainName(text(entry, 'Name')) === name && text(entry, 'Type') === 'TXT',
    );
    if (set === undefined) return null;
    return { ttl: text(set, 'TTL'), values: elements(set, 'Value').map((value) => unescape(value).trim()) };
  };

  const settle = async (answer: HttpAnswer, signal: AbortSignal): Promise<void> => {
    const id = text(answer.body, 'Id').replace(/^\/change\//, '');
    const end = nowMs() + issuerLimits.propagationTimeoutMs;
    for (let status = text(answer.body, 'Status'); status !== 'INSYNC' && nowMs() < end;) {
      await pause(issuerLimits.propagationPollMs, signal);
      if (signal.aborted) return;
      const { body } = await call('GET', `/change/${id}`, { signal });
      status = text(body, 'Status');
    }
  };

  const write = async (
    zone: string,
    name: string,
    change: { action: 'UPSERT' | 'DELETE'; set: RecordSet; signal: AbortSignal },
  ): Promise<HttpAnswer> => {
    const records = change.set.values
      .map((value) => `<ResourceRecord><Value>${escape(value)}</Value></ResourceRecord>`)
      .join('');
    const body = `<?xml version="1.0" encoding="UTF-8"?><ChangeResourceRecordSetsRequest xmlns="https://route53.amazonaws.com/doc/${version}/"><ChangeBatch><Changes><Change><Action>${change.action}</Action><ResourceRecordSet><Name>${escape(name)}</Name><Type>TXT</Type><TTL>${change.set.ttl}</TTL><ResourceRecords>${records}</ResourceRecords></ResourceRecordSet></Change></Changes></ChangeBatch></ChangeResourceRecordSetsRequest>`;
    return call('POST', `/hostedzone/${zone}/rrset/`, { body, signal: change.signal });
  };

  return {
    name: 'route53',
    add: async ({ name, value }: TxtRecord, signal) => {
      const zone = await zoneOf(name, signal);
      const before = await current(zone, name, signal);
      const values = [...new Set([...(before?.values ?? []), `"${value}"`])];
      const set = { ttl: before?.ttl ?? String(ttlSeconds), values };
      await settle(await write(zone, name, { action: 'UPSERT', set, signal }), signal);
    },
    remove: async ({ name, value }: TxtRecord, signal) => {
      const zone = await zoneOf(name, signal);
      const before = await current(zone, name, signal);
      if (before === null || !before.values.includes(`"${value}"`)) return;
      const values = before.values.filter((other) => other !== `"${value}"`);
      // A set is deleted as it is, or written without ours.
      const change =
        values.length === 0
          ? ({ action: 'DELETE', set: before, signal } as const)
          : ({ action: 'UPSERT', set: { ttl: before.ttl, values }, signal } as const);
      await write(zone, name, change);
    },
  };
}
