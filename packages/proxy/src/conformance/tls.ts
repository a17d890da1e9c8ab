// Conformance: HTTPS. Certificates by SNI, swapped while serving; redirects; challenges; 421.
import { once } from 'node:events';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { describe, expect, test } from 'vitest';
import { startApp } from './test-app.ts';
import { makeCertificate } from './test-certificates.ts';
import { askerOf, headOf, RawClient, statusOf } from './test-client.ts';
import { instanceAt, startPlane, testHost, until, type LaneUnderTest } from './test-plane.ts';

const secure = async (port: number, servername?: string): Promise<TLSSocket> => {
  const socket = connectTls({
    port,
    host: '127.0.0.1',
    rejectUnauthorized: false,
    ALPNProtocols: ['http/1.1'],
    ...(servername === undefined ? {} : { servername }),
  });
  await once(socket, 'secureConnect');
  return socket;
};

const commonNameFor = async (port: number, servername?: string): Promise<unknown> => {
  const socket = await secure(port, servername);
  const name = socket.getPeerCertificate().subject.CN;
  socket.destroy();
  return name;
};

export function describeTls(lane: LaneUnderTest): void {
  const ask = askerOf(lane);
  describe(`TLS (${lane.name})`, () => {
    test('serves the certificate of the name: exact, wildcard of one label, then the default', async () => {
      const certificates = await Promise.all([
        makeCertificate([testHost]),
        makeCertificate(['*.example.com']),
        makeCertificate(['default.invalid'], true),
      ]);
      await using plane = await startPlane(lane, { deployments: [{}], certificates, https: true });
      expect(await commonNameFor(plane.httpsPort, testHost)).toBe(testHost);
      expect(await commonNameFor(plane.httpsPort, 'other.example.com')).toBe('*.example.com');
      expect(await commonNameFor(plane.httpsPort, 'a.b.example.com')).toBe('default.invalid');
      expect(await commonNameFor(plane.httpsPort, 'example.com')).toBe('default.invalid');
      expect(await commonNameFor(plane.httpsPort)).toBe('default.invalid');
    });

    test('answers an unknown name on the default certificate with 404, and serves routes on it', async () => {
      await using app = await startApp();
      const certificates = [await makeCertificate(['default.invalid'], true)];
      await using plane = await startPlane(lane, {
        deployments: [{ instances: [instanceAt(app.port)] }],
        certificates,
        https: true,
      });
      const port = plane.httpsPort;
      expect((await ask({ port, serverName: 'x.example.org', host: 'x.example.org' })).status).toBe(404);
      expect((await ask({ port, serverName: null })).status).toBe(200);
      expect((await ask({ port, serverName: 'x.example.org', method: 'POST', body: 'hi' })).status).toBe(200);
      expect(app.seen.map((seen) => seen.headers['x-forwarded-proto'])).toEqual(['https', 'https']);
      expect(app.seen[0]?.headers['x-forwarded-port']).toBe(String(port));
    });

    test('takes new certificates without a restart, and leaves out one that is broken', async () => {
      const before = await makeCertificate(['before.invalid'], true);
      await using plane = await startPlane(lane, { deployments: [], certificates: [before], https: true });
      expect(await commonNameFor(plane.httpsPort)).toBe('before.invalid');
      const after = await makeCertificate(['after.invalid'], true);
      const broken = { ...(await makeCertificate(['broken.invalid'])), privateKey: 'nonsense' };
      plane.snapshot({ deployments: [], certificates: [after, broken] });
      expect(await commonNameFor(plane.httpsPort)).toBe('after.invalid');
      expect(await commonNameFor(plane.httpsPort, 'broken.invalid')).toBe('after.invalid');
      expect(plane.reports).toMatchObject([{ level: 'error', sentence: 'certificate left out' }]);
    });

    test('says 421 only for a host that the certificate of its connection does not cover', async () => {
      await using app = await startApp();
      const certificates = await Promise.all([
        makeCertificate(['*.example.com']),
        makeCertificate(['default.invalid'], true),
      ]);
      await using plane = await startPlane(lane, {
        deployments: [
          { routes: [testHost, 'other.example.com', 'example.org'], instances: [instanceAt(app.port)] },
        ],
        certificates,
        https: true,
      });
      const statusFor = async (serverName: string | null, host: string): Promise<number> =>
        (await ask({ port: plane.httpsPort, serverName, host })).status;
      expect(await statusFor(testHost, testHost)).toBe(200);
      expect(await statusFor(testHost, 'other.example.com')).toBe(200);
      expect(await statusFor(testHost, 'example.org')).toBe(421);
      expect(await statusFor('example.net', 'example.org')).toBe(200);
      expect(await statusFor(null, 'example.org')).toBe(200);
    });

    test('refuses TLS 1.1 and agrees on http/1.1', async () => {
      const certificates = [await makeCertificate(['default.invalid'], true)];
      await using plane = await startPlane(lane, { deployments: [], certificates, https: true });
      const socket = await secure(plane.httpsPort);
      expect([socket.alpnProtocol, socket.getProtocol()]).toEqual(['http/1.1', 'TLSv1.3']);
      socket.destroy();
      const old = connectTls({
        port: plane.httpsPort,
        rejectUnauthorized: false,
        minVersion: 'TLSv1',
        maxVersion: 'TLSv1.1',
        ciphers: 'DEFAULT@SECLEVEL=0',
      });
      const [error] = (await once(old, 'error')) as [Error];
      expect(error.message).toMatch(/alert|version/);
    });

    test('begins so many handshakes at a time, and the next ones as those end', async () => {
      const certificates = [await makeCertificate(['default.invalid'], true)];
      await using plane = await startPlane(lane, {
        deployments: [],
        certificates,
        https: true,
        options: { limits: { tlsHandshakesMax: 1, tlsHandshakesQueuedMax: 1 } },
      });
      const silent = await RawClient.open(plane.httpsPort);
      await until(() => plane.plane.inspect().connections.open === 1);
      const queued = secure(plane.httpsPort);
      await until(() => plane.plane.inspect().connections.open === 2);
      using surplus = await RawClient.open(plane.httpsPort);
      expect(await surplus.ends()).toBe('');
      silent.socket.destroy();
      (await queued).destroy();
      (await secure(plane.httpsPort)).destroy();
    });

    test('lets go of a handshake that never ends, and of garbage', async () => {
      const certificates = [await makeCertificate(['default.invalid'], true)];
      await using plane = await startPlane(lane, {
        deployments: [],
        certificates,
        https: true,
        options: { limits: { tlsHandshakeTimeoutMs: 150 } },
      });
      using silent = await RawClient.open(plane.httpsPort);
      await silent.ends();
      using garbage = await RawClient.open(plane.httpsPort);
      garbage.send(headOf('GET / HTTP/1.1', `Host: ${testHost}`));
      await garbage.ends();
      await until(() => plane.plane.inspect().connections.open === 0);
    });
  });

  describe(`HTTPS redirect (${lane.name})`, () => {
    test('keeps host, path, query and an odd port; 308 for GET and HEAD, 307 otherwise; never stored', async () => {
      await using plane = await startPlane(lane, {
        deployments: [{ policy: { httpsRedirect: true } }],
        https: true,
      });
      const got = await ask({ port: plane.port, path: '/a/b?x=1&y=%2F', host: `${testHost}:8080` });
      expect([got.status, got.headers['location'], got.headers['cache-control']]).toEqual([
        308,
        `https://${testHost}:${plane.httpsPort}/a/b?x=1&y=%2F`,
        'no-store',
      ]);
      expect((await ask({ port: plane.port, method: 'HEAD' })).status).toBe(308);
      expect((await ask({ port: plane.port, method: 'POST', body: 'x' })).status).toBe(307);
      await using usual = await startPlane(lane, {
        deployments: [{ policy: { httpsRedirect: true } }],
        options: { httpsPort: 443 },
      });
      expect((await ask({ port: usual.port })).headers['location']).toBe(`https://${testHost}/`);
    });

    test('does not redirect where switched off, nor where a trusted peer says https or nothing at all', async () => {
      await using app = await startApp();
      const instances = [instanceAt(app.port)];
      const options = { httpsPort: 443, trustedProxies: ['127.0.0.1'] };
      await using plane = await startPlane(lane, {
        deployments: [
          { instances, policy: { httpsRedirect: true } },
          { id: 'off', routes: ['off.example.com'], instances },
        ],
        options,
      });
      const statusFor = async (headers: Record<string, string>, host = testHost): Promise<number> =>
        (await ask({ port: plane.port, host, headers })).status;
      expect(await statusFor({ 'x-forwarded-proto': 'http' })).toBe(308);
      expect(await statusFor({ 'x-forwarded-proto': 'https' })).toBe(200);
      expect(await statusFor({ forwarded: 'for=1.2.3.4;proto=https' })).toBe(200);
      // A balancer that sends no proto: redirecting could loop (facts, bug 6).
      expect(await statusFor({})).toBe(200);
      expect(await statusFor({ 'x-forwarded-proto': 'http' }, 'off.example.com')).toBe(200);
    });

    test('answers a challenge of that host on HTTP, and leaves unknown tokens to the app, unredirected', async () => {
      await using app = await startApp();
      const challenges = [{ host: testHost, challenge: 'token-1', keyAuthorization: 'token-1.key' }];
      await using plane = await startPlane(lane, {
        deployments: [
          { instances: [instanceAt(app.port)], policy: { httpsRedirect: true } },
          {
            id: 'two',
            routes: ['two.example.com'],
            instances: [instanceAt(app.port)],
            policy: { httpsRedirect: true },
          },
        ],
        challenges,
        options: { httpsPort: 443 },
      });
      const path = '/.well-known/acme-challenge/';
      const known = await ask({ port: plane.port, path: `${path}token-1` });
      expect([known.status, known.body]).toEqual([200, 'token-1.key']);
      expect((await ask({ port: plane.port, path: `${path}token-2` })).status).toBe(200);
      expect((await ask({ port: plane.port, path: `${path}token-1`, host: 'two.example.com' })).status).toBe(
        200,
      );
      expect(app.seen.map((seen) => seen.url)).toEqual([`${path}token-2`, `${path}token-1`]);
      plane.snapshot({ deployments: [{ policy: { httpsRedirect: true } }], challenges: [] });
      using client = await RawClient.open(plane.port);
      client.send(headOf('GET / HTTP/1.1', `Host: ${testHost}`, 'Connection: close'));
      expect(statusOf(await client.ends())).toBe(308);
    });
  });
}
