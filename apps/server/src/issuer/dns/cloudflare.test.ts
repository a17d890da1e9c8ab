// Against the shapes of developers.cloudflare.com/api: zones, DNS records, errors.
import { describe, expect, it } from 'vitest';
import { startScriptedApi } from '../testing/scripted-api.ts';
import type { ApiAnswer, ApiRequest } from '../testing/scripted-api.ts';
import { createCloudflare } from './cloudflare.ts';

const signal = new AbortController().signal;
const name = '_acme-challenge.www.example.com';
const ok = (result: unknown): ApiAnswer => ({ body: { success: true, errors: [], messages: [], result } });
const failed = (status: number, code: number, message: string): ApiAnswer => ({
  status,
  body: { success: false, errors: [{ code, message }], messages: [], result: null },
});

/** One zone, its records in memory, tokens looked at. */
function createApi() {
  const records = new Map<string, { type: string; name: string; content: string }>();
  const answer = ({ method, path, query, headers, body }: ApiRequest): ApiAnswer => {
    if (headers['authorization'] !== 'Bearer good-token') return failed(403, 9109, 'Invalid access token');
    if (path === '/zones')
      return ok(query['name'] === 'example.com' ? [{ id: 'z1', name: 'example.com' }] : []);
    if (path === '/zones/z1/dns_records' && method === 'POST') {
      const record = JSON.parse(body) as { type: string; name: string; content: string };
      if (
        [...records.values()].some((other) => other.name === record.name && other.content === record.content)
      )
        return failed(400, 81_058, 'An identical record already exists.');
      const id = `r${records.size + 1}`;
      records.set(id, record);
      return ok({ id, ...record });
    }
    if (path === '/zones/z1/dns_records') {
      const found = [...records].filter(
        ([, record]) => record.name === query['name'] && record.content === query['content'],
      );
      return ok(found.map(([id, record]) => ({ id, ...record })));
    }
    const id = path.replace('/zones/z1/dns_records/', '');
    return method === 'DELETE' && records.delete(id)
      ? ok({ id })
      : failed(404, 81_044, 'Record does not exist.');
  };
  return { records, answer };
}

describe('cloudflare', () => {
  it('finds the zone, adds a record, and removes that one only', async () => {
    const { records, answer } = createApi();
    await using api = await startScriptedApi(answer);
    const provider = createCloudflare({ CLOUDFLARE_API_TOKEN: 'good-token', CLOUDFLARE_API_URL: api.url });
    await provider.add({ name, value: 'one' }, signal);
    await provider.add({ name, value: 'two' }, signal);
    await provider.add({ name, value: 'two' }, signal);
    expect([...records.values()]).toEqual([
      { type: 'TXT', name, content: '"one"', ttl: 60 },
      { type: 'TXT', name, content: '"two"', ttl: 60 },
    ]);
    await provider.remove({ name, value: 'one' }, signal);
    await provider.remove({ name, value: 'one' }, signal);
    expect([...records.values()].map(({ content }) => content)).toEqual(['"two"']);
    const asked = api.requests.filter(({ path }) => path === '/zones').map(({ query }) => query['name']);
    expect(asked.slice(0, 3)).toEqual([name, 'www.example.com', 'example.com']);
  });

  it('asks for no zone that it was told', async () => {
    const { records, answer } = createApi();
    await using api = await startScriptedApi(answer);
    const provider = createCloudflare({
      CLOUDFLARE_API_TOKEN: 'good-token',
      CLOUDFLARE_ZONE_ID: 'z1',
      CLOUDFLARE_API_URL: api.url,
    });
    await provider.add({ name, value: 'one' }, signal);
    expect(records.size).toBe(1);
    expect(api.requests.map(({ path }) => path)).toEqual(['/zones/z1/dns_records']);
  });

  it('says what the API said, and never the token', async () => {
    await using api = await startScriptedApi(createApi().answer);
    const provider = createCloudflare({ CLOUDFLARE_API_TOKEN: 'bad-token', CLOUDFLARE_API_URL: api.url });
    const refused = provider.add({ name, value: 'one' }, signal);
    await expect(refused).rejects.toThrow(
      'cloudflare answered 403 to GET /zones: Invalid access token (9109)',
    );
    const good = createCloudflare({ CLOUDFLARE_API_TOKEN: 'good-token', CLOUDFLARE_API_URL: api.url });
    await expect(good.add({ name: '_acme-challenge.example.net', value: 'x' }, signal)).rejects.toThrow(
      'cloudflare has no zone for _acme-challenge.example.net that this token may see',
    );
    expect(() => createCloudflare({})).toThrow(/not complete/);
  });

  it('fails on a rate limit, a page that is no JSON, and silence', async () => {
    let times = 0;
    await using api = await startScriptedApi(() => {
      times += 1;
      return times === 1
        ? { status: 429, headers: { 'retry-after': '60' }, body: 'slow down' }
        : { status: 200, body: '<html>' };
    });
    const provider = createCloudflare({ CLOUDFLARE_API_TOKEN: 'good-token', CLOUDFLARE_API_URL: api.url });
    await expect(provider.add({ name, value: 'x' }, signal)).rejects.toThrow(/429.*retry after 60/);
    await expect(provider.add({ name, value: 'x' }, signal)).rejects.toThrow(/./);
    const gone = createCloudflare({ CLOUDFLARE_API_TOKEN: 't', CLOUDFLARE_API_URL: 'http://127.0.0.1:1' });
    await expect(gone.add({ name, value: 'x' }, signal)).rejects.toThrow(/ECONNREFUSED/);
  });
});
