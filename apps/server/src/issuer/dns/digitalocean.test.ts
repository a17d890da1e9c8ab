// Against the shapes of docs.digitalocean.com/reference/api: domains, domain records, errors.
import { describe, expect, it } from 'vitest';
import { startScriptedApi } from '../testing/scripted-api.ts';
import type { ApiAnswer, ApiRequest } from '../testing/scripted-api.ts';
import { createDigitalOcean } from './digitalocean.ts';

const signal = new AbortController().signal;
const name = '_acme-challenge.www.example.com';

function createApi() {
  const records = new Map<number, { type: string; name: string; data: string }>();
  const answer = ({ method, path, query, headers, body }: ApiRequest): ApiAnswer => {
    if (headers['authorization'] !== 'Bearer good-token')
      return { status: 401, body: { id: 'unauthorized', message: 'Unable to authenticate you' } };
    if (path === '/v2/domains/example.com') return { body: { domain: { name: 'example.com', ttl: 1800 } } };
    const at = /^\/v2\/domains\/example\.com\/records(?:\/(\d+))?$/.exec(path);
    if (at === null)
      return {
        status: 404,
        body: { id: 'not_found', message: 'The resource you requested could not be found.' },
      };
    if (method === 'POST') {
      const id = 1000 + records.size;
      records.set(id, JSON.parse(body) as { type: string; name: string; data: string });
      return { status: 201, body: { domain_record: { id, ...records.get(id) } } };
    }
    if (method === 'DELETE') return { status: records.delete(Number(at[1])) ? 204 : 404 };
    const found = [...records].filter(([, record]) => `${record.name}.example.com` === query['name']);
    return {
      body: { domain_records: found.map(([id, record]) => ({ id, ...record })), links: {}, meta: {} },
    };
  };
  return { records, answer };
}

describe('digitalocean', () => {
  it('finds the domain, adds a record by its relative name, and removes that one only', async () => {
    const { records, answer } = createApi();
    await using api = await startScriptedApi(answer);
    const provider = createDigitalOcean({ DIGITALOCEAN_TOKEN: 'good-token', DIGITALOCEAN_API_URL: api.url });
    await provider.add({ name, value: 'one' }, signal);
    await provider.add({ name, value: 'two' }, signal);
    expect([...records.values()]).toEqual([
      { type: 'TXT', name: '_acme-challenge.www', data: 'one', ttl: 30 },
      { type: 'TXT', name: '_acme-challenge.www', data: 'two', ttl: 30 },
    ]);
    await provider.remove({ name, value: 'one' }, signal);
    await provider.remove({ name, value: 'one' }, signal);
    expect([...records.values()].map(({ data }) => data)).toEqual(['two']);
  });

  it('says what the API said, and never the token', async () => {
    await using api = await startScriptedApi(createApi().answer);
    const bad = createDigitalOcean({ DIGITALOCEAN_TOKEN: 'bad-token', DIGITALOCEAN_API_URL: api.url });
    await expect(bad.add({ name, value: 'x' }, signal)).rejects.toThrow(
      'digitalocean answered 401 to GET /v2/domains/www.example.com: Unable to authenticate you (unauthorized)',
    );
    const good = createDigitalOcean({ DIGITALOCEAN_TOKEN: 'good-token', DIGITALOCEAN_API_URL: api.url });
    await expect(good.add({ name: '_acme-challenge.example.net', value: 'x' }, signal)).rejects.toThrow(
      /no domain for _acme-challenge.example.net/,
    );
    expect(() => createDigitalOcean({ DIGITALOCEAN_TOKEN: '' })).toThrow(/not complete/);
  });
});
