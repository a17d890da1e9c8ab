import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import path from 'node:path';
import tls from 'node:tls';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTempDirectory, type TempDirectory } from '../testing/temp-directory.ts';
import { checkRoute, resolveName, type RouteCheck } from './check-route.ts';

const run = promisify(execFile);
const name = 'shop.example.com';

let dir: TempDirectory;
beforeAll(async () => {
  dir = await openTempDirectory('t-');
  const make = (file: string, host: string): Promise<unknown> => {
    const key = '-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30'.split(' ');
    const names = ['-subj', `/CN=${host}`, '-addext', `subjectAltName=DNS:${host}`];
    const at = (suffix: string): string => path.join(dir.path, `${file}.${suffix}`);
    return run('openssl', ['req', '-x509', ...key, ...names, '-keyout', at('key'), '-out', at('crt')]);
  };
  await Promise.all([make('right', name), make('other', 'other.example.com')]);
});
afterAll(() => dir[Symbol.asyncDispose]());

const pem = (file: string): Promise<string> => readFile(path.join(dir.path, file), 'utf8');

/** A real listener that shows the certificate; its port. */
async function listen(file: string): Promise<{ port: number } & AsyncDisposable> {
  const server = tls.createServer({ key: await pem(`${file}.key`), cert: await pem(`${file}.crt`) });
  server.on('tlsClientError', () => undefined);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return { port, [Symbol.asyncDispose]: async () => void server.close() };
}

async function closedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

const check = (more: Partial<RouteCheck>): ReturnType<typeof checkRoute> =>
  checkRoute({
    host: { kind: 'exact', name },
    url: `https://${name}/`,
    serverAddresses: [],
    ports: { http: 1, https: 1 },
    resolve: async () => ['127.0.0.1'],
    ...more,
  });
const outcomes = (findings: Awaited<ReturnType<typeof checkRoute>>): string[] =>
  findings.map(({ layer, outcome }) => `${layer} ${outcome}`);

describe('a route', () => {
  it('that is well holds in DNS, on both ports and by its certificate', async () => {
    await using https = await listen('right');
    await using http = await listen('right');
    tls.setDefaultCACertificates([await pem('right.crt')]);
    const findings = await check({
      ports: { https: https.port, http: http.port },
      serverAddresses: ['127.0.0.1'],
    });
    expect(outcomes(findings)).toEqual(['dns ok', 'ports ok', 'ports ok', 'certificate ok']);
    expect(findings.at(-1)?.message).toMatch(/is trusted, good for (29|30) d/);
  });

  it('whose certificate is of another name or of nobody known fails by its certificate', async () => {
    await using other = await listen('other');
    await using http = await listen('right');
    tls.setDefaultCACertificates([await pem('other.crt')]);
    const mismatch = await check({ ports: { https: other.port, http: http.port } });
    expect(outcomes(mismatch).at(-1)).toBe('certificate failed');
    expect(mismatch.at(-1)?.message).toContain('ERR_TLS_CERT_ALTNAME_INVALID');
    tls.setDefaultCACertificates([]);
    const unknown = await check({ ports: { https: http.port, http: http.port } });
    expect(unknown.at(-1)?.message).toContain('DEPTH_ZERO_SELF_SIGNED_CERT');
  });

  it('behind a closed port fails by its port, and what needs the port is not asked', async () => {
    await using http = await listen('right');
    const port = await closedPort();
    const findings = await check({ ports: { https: port, http: http.port } });
    expect(outcomes(findings)).toEqual(['dns ok', 'ports failed', 'ports ok']);
    expect(findings[1]).toMatchObject({
      message: `port ${port} cannot be reached from here (127.0.0.1: ECONNREFUSED)`,
      hint: expect.stringContaining('firewall'),
    });
  });

  it('that leads elsewhere is told, and one that leads nowhere is asked no further', async () => {
    const port = await closedPort();
    const elsewhere = await check({ serverAddresses: ['203.0.113.7'], ports: { https: port, http: port } });
    expect(elsewhere[0]).toMatchObject({ layer: 'dns', outcome: 'warning' });
    expect(elsewhere[0]?.message).toContain('none of its servers (203.0.113.7)');
    const nowhere = await check({
      host: { kind: 'wildcard', name: 'nowhere.invalid' },
      resolve: resolveName,
    });
    expect(outcomes(nowhere)).toEqual(['dns warning']);
    expect(nowhere[0]?.message).toMatch(/^tako-doctor\.nowhere\.invalid does not resolve/);
  });
});
