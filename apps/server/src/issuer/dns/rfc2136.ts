// DNS UPDATE (RFC 2136) with TSIG (RFC 8945), over TCP: BIND, Knot, PowerDNS, Windows DNS and most hosters' own servers.
import { randomInt } from 'node:crypto';
import { z } from 'zod';
import { issuerLimits } from '../limits.ts';
import { optionInvalid } from './credentials.ts';
import { exchangeMessage } from './dns-exchange.ts';
import type { NameServer } from './dns-exchange.ts';
import {
  dnsClass,
  dnsType,
  encodeHeader,
  encodeName,
  encodeRecord,
  encodeText,
  opcode,
  readMessage,
  responseCodeName,
  uint16,
} from './dns-message.ts';
import type { Credentials, DnsProvider, TxtRecord } from './dns-provider.types.ts';
import { signMessage, verifyAnswer } from './tsig.ts';
import type { TsigKey } from './tsig.ts';

/** Short: it is needed for a minute. */
const ttlSeconds = 60;

const schema = z.object({
  RFC2136_SERVER: z.string().regex(/^(?:\[[0-9a-fA-F:]+\]|[^:[\]]+)(?::\d{1,5})?$/),
  RFC2136_ZONE: z.string().optional(),
  RFC2136_TSIG_NAME: z.string(),
  RFC2136_TSIG_SECRET: z.base64(),
  RFC2136_TSIG_ALGORITHM: z.enum(['hmac-sha256', 'hmac-sha384', 'hmac-sha512']).default('hmac-sha256'),
});

interface UpdateClient {
  readonly server: NameServer;
  readonly key: TsigKey;
  readonly nowMs: () => number;
}

function parseServer(text: string): NameServer {
  const match = /^(?:\[(.+)\]|([^:]+))(?::(\d+))?$/.exec(text);
  return { host: match?.[1] ?? match?.[2] ?? text, port: Number(match?.[3] ?? 53) };
}

const newId = (): number => randomInt(0x1_0000);

const limitsFor = (signal: AbortSignal) => ({ timeoutMs: issuerLimits.dnsRequestTimeoutMs, signal });

/** The server knows its zones: the SOA in its answer, or in its authority section, names the one (RFC 2308 §2). */
async function findZone(client: UpdateClient, name: string, signal: AbortSignal): Promise<string> {
  const header = encodeHeader({ id: newId(), opcode: opcode.QUERY, counts: [1, 0, 0, 0] });
  const question = Buffer.concat([encodeName(name), uint16(dnsType.SOA), uint16(dnsClass.IN)]);
  const { mac, bytes } = signMessage(Buffer.concat([header, question]), client.key, client.nowMs());
  const answer = await exchangeMessage(client.server, bytes, limitsFor(signal));
  verifyAnswer(answer, { key: client.key, mac, nowMs: client.nowMs() });
  const message = readMessage(answer);
  const soa = [...message.answers, ...message.authorities].find(({ type }) => type === dnsType.SOA);
  if (soa === undefined)
    throw new Error(
      `the name server has no zone for ${name} (${responseCodeName(message.responseCode)}); set RFC2136_ZONE`,
    );
  return soa.name;
}

async function update(
  client: UpdateClient,
  zone: string,
  change: { readonly record: Buffer; readonly signal: AbortSignal },
): Promise<void> {
  const id = newId();
  const header = encodeHeader({ id, opcode: opcode.UPDATE, counts: [1, 0, 1, 0] });
  const zoneSection = Buffer.concat([encodeName(zone), uint16(dnsType.SOA), uint16(dnsClass.IN)]);
  const { key } = client;
  const { mac, bytes } = signMessage(
    Buffer.concat([header, zoneSection, change.record]),
    key,
    client.nowMs(),
  );
  const answer = await exchangeMessage(client.server, bytes, limitsFor(change.signal));
  verifyAnswer(answer, { key, mac, nowMs: client.nowMs() });
  const message = readMessage(answer);
  if (message.id !== id) throw new Error('the name server answered something else');
  if (message.responseCode !== 0)
    throw new Error(
      `the name server refused the change in ${zone}: ${responseCodeName(message.responseCode)}`,
    );
}

export function createRfc2136(credentials: Credentials, nowMs: () => number): DnsProvider {
  const parsed = schema.safeParse(credentials);
  if (!parsed.success)
    throw optionInvalid(
      `The credentials for rfc2136 are not complete: ${z.prettifyError(parsed.error)}`,
      'Needed: RFC2136_SERVER, RFC2136_TSIG_NAME, RFC2136_TSIG_SECRET; RFC2136_ZONE and RFC2136_TSIG_ALGORITHM may be given.',
    );
  const { data } = parsed;
  const client: UpdateClient = {
    server: parseServer(data.RFC2136_SERVER),
    key: {
      name: data.RFC2136_TSIG_NAME,
      algorithm: data.RFC2136_TSIG_ALGORITHM,
      secret: Buffer.from(data.RFC2136_TSIG_SECRET, 'base64'),
    },
    nowMs,
  };
  const change = async ({ name, value }: TxtRecord, adds: boolean, signal: AbortSignal): Promise<void> => {
    const zone = data.RFC2136_ZONE ?? (await findZone(client, name, signal));
    // RFC 2136 §2.5.1 adds to the set; §2.5.4 (class NONE, TTL 0) takes one value out of it.
    const record = encodeRecord({
      name,
      type: dnsType.TXT,
      class: adds ? dnsClass.IN : dnsClass.NONE,
      ttl: adds ? ttlSeconds : 0,
      data: encodeText(value),
    });
    await update(client, zone, { record, signal });
  };
  return {
    name: 'rfc2136',
    add: (record, signal) => change(record, true, signal),
    remove: (record, signal) => change(record, false, signal),
  };
}
