import { createServer } from 'node:http';
import type { RequestListener } from 'node:http';
import type { AddressInfo, LookupFunction } from 'node:net';
import { describe, expect, it } from 'vitest';
import { requestHttp } from './http-request.ts';
import { issuerLimits } from './limits.ts';
import { checkReachability, createProbe } from './reachability.ts';

const { signal } = new AbortController();
const toLoopback: LookupFunction = (_name, options, done) => {
  if (options.all === true) done(null, [{ address: '127.0.0.1', family: 4 }]);
  else done(null, '127.0.0.1', 4);
};

async function serve(listener: RequestListener) {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

describe('a name', () => {
  const probe = createProbe('www.example.com');
  const check = (port: number) => checkReachability(probe, { port, lookup: toLoopback }, signal);

  it('reaches us when our token is at its address', async () => {
    await using server = await serve((request, response) => {
      const isOurs =
        request.headers.host?.replace(/:\d+$/, '') === 'www.example.com' &&
        request.url === `/.well-known/acme-challenge/${probe.token}`;
      response.end(isOurs ? `${probe.expected}\n` : '');
    });
    expect(await check(server.port)).toEqual({ kind: 'reaches' });
  });

  it('reaches us through redirects, which end some time', async () => {
    await using server = await serve((request, response) => {
      if (request.url === '/there') response.end(probe.expected);
      else response.writeHead(301, { location: '/there' }).end();
    });
    expect(await check(server.port)).toEqual({ kind: 'reaches' });
    let hops = 0;
    await using loop = await serve((_request, response) => {
      hops += 1;
      response.writeHead(302, { location: `/again/${hops}` }).end();
    });
    expect(await check(loop.port)).toMatchObject({
      kind: 'elsewhere',
      reason: expect.stringContaining('302'),
    });
    expect(hops).toBe(issuerLimits.reachabilityRedirectsMax + 1);
  });

  it('is elsewhere when somebody else answers, or DNS does not know it', async () => {
    await using server = await serve((_request, response) => response.writeHead(404).end('not here'));
    expect(await check(server.port)).toMatchObject({
      kind: 'elsewhere',
      reason: expect.stringContaining('HTTP 404'),
    });
    await using large = await serve((_request, response) =>
      response.end('x'.repeat(issuerLimits.reachabilityBytesMax * 10)),
    );
    expect(await check(large.port)).toMatchObject({ kind: 'elsewhere' });
    const lookup: LookupFunction = (_name, _options, done) =>
      done(Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' }), '', 4);
    expect(await checkReachability(probe, { lookup }, signal)).toMatchObject({
      kind: 'elsewhere',
      reason: expect.stringContaining('no DNS record'),
    });
  });

  it('is unknown when nobody answers here: a CA may see more', async () => {
    expect(await check(1)).toMatchObject({
      kind: 'unknown',
      reason: expect.stringContaining('ECONNREFUSED'),
    });
  });
});

describe('a request', () => {
  it('has a deadline over all of it, a limit of bytes at its value and past it, and ends with its signal', async () => {
    await using drip = await serve((_request, response) => {
      response.write('x');
    });
    const url = `http://127.0.0.1:${drip.port}/`;
    await expect(requestHttp({ url, timeoutMs: 100, bytesMax: 10 })).rejects.toThrow(
      'no answer within 0.1 s',
    );
    const stopping = new AbortController();
    const stopped = requestHttp({ url, timeoutMs: 5_000, bytesMax: 10, signal: stopping.signal });
    stopping.abort();
    await expect(stopped).rejects.toThrow('stopped');
    await expect(
      requestHttp({ url, timeoutMs: 5_000, bytesMax: 10, signal: stopping.signal }),
    ).rejects.toThrow('stopped');
    await using ten = await serve((_request, response) => response.end('0123456789'));
    const at = { url: `http://127.0.0.1:${ten.port}/`, timeoutMs: 5_000 };
    expect((await requestHttp({ ...at, bytesMax: 10 })).body).toBe('0123456789');
    await expect(requestHttp({ ...at, bytesMax: 9 })).rejects.toThrow('more than 9 bytes');
    expect((await requestHttp({ ...at, bytesMax: 9, cutOff: true })).body).toBe('012345678');
  });

  it('fails when the answer is cut short', async () => {
    await using server = await serve((_request, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('half', () => response.destroy());
    });
    await expect(
      requestHttp({ url: `http://127.0.0.1:${server.port}/`, timeoutMs: 5_000, bytesMax: 1_000 }),
    ).rejects.toThrow(/aborted|early|socket/);
  });
});
