// Against the shapes of docs.aws.amazon.com/Route53/latest/APIReference: hosted zones, record sets, changes, errors.
import { describe, expect, it } from 'vitest';
import { startScriptedApi } from '../testing/scripted-api.ts';
import type { ApiAnswer, ApiRequest } from '../testing/scripted-api.ts';
import { createRoute53 } from './route53.ts';
import { signAwsRequest } from './sigv4.ts';

const signal = new AbortController().signal;
const name = '_acme-challenge.example.com';
const key = { AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE', AWS_SECRET_ACCESS_KEY: 'secret' };
const nowMs = (): number => Date.UTC(2026, 0, 2, 3, 4, 5);

const xml = (root: string, inner: string): ApiAnswer => ({
  headers: { 'content-type': 'text/xml' },
  body: `<?xml version="1.0"?>\n<${root} xmlns="https://route53.amazonaws.com/doc/2013-04-01/">${inner}</${root}>`,
});
const error = (status: number, code: string, message: string): ApiAnswer => ({
  status,
  ...xml(
    'ErrorResponse',
    `<Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error>`,
  ),
});
const zone = (id: string, zoneName: string, isPrivate: boolean): string =>
  `<HostedZone><Id>/hostedzone/${id}</Id><Name>${zoneName}.</Name><Config><PrivateZone>${isPrivate}</PrivateZone></Config></HostedZone>`;

function createApi() {
  let values: string[] = [];
  let ttl = '';
  const changes: string[] = [];
  const state = { pendingPolls: 0 };
  const answer = ({ method, path, query, headers, body }: ApiRequest): ApiAnswer => {
    if (
      !String(headers['authorization']).includes(
        'Credential=AKIDEXAMPLE/20260102/us-east-1/route53/aws4_request',
      )
    )
      return error(403, 'InvalidClientTokenId', 'The security token included in the request is invalid.');
    if (path === '/2013-04-01/hostedzonesbyname') {
      const found =
        query['dnsname'] === 'example.com'
          ? zone('ZPRIVATE', 'example.com', true) +
            zone('Z1', 'example.com', false) +
            zone('Z2', 'example.net', false)
          : zone('Z2', 'example.net', false);
      return xml('ListHostedZonesByNameResponse', `<HostedZones>${found}</HostedZones>`);
    }
    if (path === '/2013-04-01/hostedzone/Z1/rrset' && method === 'GET') {
      const records = values
        .map((value) => `<ResourceRecord><Value>${value}</Value></ResourceRecord>`)
        .join('');
      const set =
        values.length === 0
          ? `<ResourceRecordSet><Name>zzz.example.com.</Name><Type>TXT</Type><TTL>5</TTL><ResourceRecords></ResourceRecords></ResourceRecordSet>`
          : `<ResourceRecordSet><Name>${name}.</Name><Type>TXT</Type><TTL>${ttl}</TTL><ResourceRecords>${records}</ResourceRecords></ResourceRecordSet>`;
      return xml('ListResourceRecordSetsResponse', `<ResourceRecordSets>${set}</ResourceRecordSets>`);
    }
    if (path === '/2013-04-01/hostedzone/Z1/rrset/' && method === 'POST') {
      const action = /<Action>(\w+)</.exec(body)?.[1] ?? '';
      const wanted = [...body.matchAll(/<Value>([^<]*)</g)].map((match) => match[1] ?? '');
      changes.push(action);
      if (action === 'DELETE' && wanted.join() !== values.join())
        return error(400, 'InvalidChangeBatch', 'the values provided do not match the current values');
      values = action === 'DELETE' ? [] : wanted;
      ttl = /<TTL>(\d+)</.exec(body)?.[1] ?? '';
      const status = state.pendingPolls > 0 ? 'PENDING' : 'INSYNC';
      return xml(
        'ChangeResourceRecordSetsResponse',
        `<ChangeInfo><Id>/change/C1</Id><Status>${status}</Status></ChangeInfo>`,
      );
    }
    if (path === '/2013-04-01/change/C1') {
      state.pendingPolls -= 1;
      const status = state.pendingPolls > 0 ? 'PENDING' : 'INSYNC';
      return xml(
        'GetChangeResponse',
        `<ChangeInfo><Id>/change/C1</Id><Status>${status}</Status></ChangeInfo>`,
      );
    }
    return error(404, 'NoSuchHostedZone', 'No hosted zone found');
  };
  return { state, changes, answer, values: () => values };
}

describe('route53', () => {
  it('adds to the values that are there and takes only its own away, in the public zone', async () => {
    const served = createApi();
    await using api = await startScriptedApi(served.answer);
    const provider = createRoute53({ ...key, ROUTE53_API_URL: api.url }, nowMs);
    await provider.add({ name, value: 'one' }, signal);
    await provider.add({ name, value: 'two' }, signal);
    expect(served.values()).toEqual(['&quot;one&quot;', '&quot;two&quot;']);
    await provider.remove({ name, value: 'one' }, signal);
    expect(served.values()).toEqual(['&quot;two&quot;']);
    await provider.remove({ name, value: 'one' }, signal);
    await provider.remove({ name, value: 'two' }, signal);
    expect(served.values()).toEqual([]);
    expect(served.changes).toEqual(['UPSERT', 'UPSERT', 'UPSERT', 'DELETE']);
  });

  it('waits until all servers have a change', async () => {
    const served = createApi();
    served.state.pendingPolls = 1;
    await using api = await startScriptedApi(served.answer);
    const provider = createRoute53({ ...key, AWS_HOSTED_ZONE_ID: 'Z1', ROUTE53_API_URL: api.url }, nowMs);
    await provider.add({ name, value: 'one' }, signal);
    expect(api.requests.map(({ path }) => path).at(-1)).toBe('/2013-04-01/change/C1');
    expect(served.state.pendingPolls).toBe(0);
  });

  it('says what the API said, and never the key', async () => {
    await using api = await startScriptedApi(createApi().answer);
    const bad = createRoute53({ ...key, AWS_ACCESS_KEY_ID: 'AKIDOTHER', ROUTE53_API_URL: api.url }, nowMs);
    await expect(bad.add({ name, value: 'x' }, signal)).rejects.toThrow(
      'route53 answered 403 to GET /2013-04-01/hostedzonesbyname: InvalidClientTokenId: The security token included in the request is invalid.',
    );
    const good = createRoute53({ ...key, ROUTE53_API_URL: api.url }, nowMs);
    await expect(good.add({ name: '_acme-challenge.example.org', value: 'x' }, signal)).rejects.toThrow(
      /no public hosted zone for _acme-challenge.example.org/,
    );
    expect(() => createRoute53({}, nowMs)).toThrow(/not complete/);
  });
});

describe('an AWS signature', () => {
  // `get-vanilla` and `get-vanilla-query-order-key-case` of AWS's test suite, with its key and time.
  const suiteKey = {
    accessKeyId: 'AKIDEXAMPLE',
    secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
    sessionToken: null,
  };
  const at = Date.UTC(2015, 7, 30, 12, 36, 0);

  it.each([
    ['https://example.amazonaws.com/', '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31'],
    [
      'https://example.amazonaws.com/?Param2=value2&Param1=value1',
      'b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500',
    ],
  ])('of %s is that of the test suite', (url, signature) => {
    const headers = signAwsRequest(
      { method: 'GET', url, body: '', region: 'us-east-1', service: 'service', nowMs: at },
      suiteKey,
    );
    expect(headers['x-amz-date']).toBe('20150830T123600Z');
    expect(headers['authorization']).toBe(
      `AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, Signature=${signature}`,
    );
  });
});
