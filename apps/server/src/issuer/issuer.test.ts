// The whole issuer against Debian's pebble: real orders, real validations, nonces refused and authorisations reused at
// pebble's default rates.
import { X509Certificate } from 'node:crypto';
import { createServer } from 'node:http';
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { hasPebble } from './testing/pebble.ts';
import { startWorld } from './testing/pebble-world.ts';
import { issuedNames, startIssuer } from './testing/running-issuer.ts';

const DAY = 86_400_000;
const minute = 60_000;

const ordersIn = (output: string): number => output.match(/Added order/g)?.length ?? 0;

describe.skipIf(!hasPebble)('the issuer, with pebble', () => {
  it('gets one certificate for all names of an app, by HTTP-01, with its whole chain', async () => {
    await using world = await startWorld();
    await using running = await startIssuer({
      ...world,
      routes: { web: ['www.example.com', 'example.com/shop', 'example.com'], api: ['api.example.com'] },
    });
    await running.until('two certificates', () => issuedNames(running).length === 2);
    expect(issuedNames(running).toSorted((a, b) => a.length - b.length)).toEqual([
      ['api.example.com'],
      ['example.com', 'www.example.com'],
    ]);
    for (const view of running.views.filter(({ isDefault }) => !isDefault)) {
      const chain =
        view.certificate.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? [];
      expect(chain).toHaveLength(2);
      const [leaf, intermediate] = chain.map((pem) => new X509Certificate(pem));
      expect(leaf!.verify(intermediate!.publicKey)).toBe(true);
      expect(intermediate!.verify(new X509Certificate(await world.pebble.root()).publicKey)).toBe(true);
    }
    const status = running.issuer.list().find(({ names }) => names.includes('example.com'));
    expect(status).toMatchObject({
      source: 'acme',
      issuer: expect.stringContaining('Pebble'),
      lastError: null,
    });
    expect(status?.nextTryAt).toBeGreaterThan(running.clock.now + 365 * DAY);
    expect(running.store.challenges.list()).toEqual([]);
    expect(running.store.leases.list('certificate:', running.clock.now)).toEqual([]);
  });

  it('keeps every private key to the daemon, and none in the state', async () => {
    await using world = await startWorld();
    await using running = await startIssuer({ ...world, routes: { web: ['a.example.com'] } });
    await running.until('a certificate', () => issuedNames(running).length === 1);
    const accounts = path.join(running.dataDir, 'acme', 'accounts');
    const files = [
      ...(await readdir(accounts)).map((name) => path.join(accounts, name)),
      ...(await readdir(path.join(running.dataDir, 'certs'))).map((name) =>
        path.join(running.dataDir, 'certs', name),
      ),
    ];
    expect(files).toHaveLength(5);
    for (const file of files) expect([file, (await stat(file)).mode & 0o777]).toEqual([file, 0o600]);
    expect(await readdir(path.join(running.dataDir, 'acme', 'orders'))).toEqual([]);
    expect(running.store.acmeAccounts.get(world.pebble.directory)).toMatchObject({
      email: 'ops@example.com',
    });
  });

  it('does it by TLS-ALPN-01, too', async () => {
    await using world = await startWorld();
    await using running = await startIssuer({
      ...world,
      options: { ...world.options, challenges: ['tls-alpn-01'] },
      routes: { web: ['a.example.com', 'b.example.com'] },
    });
    await running.until('a certificate', () => issuedNames(running).length === 1);
    expect(new Set(world.challenges.asked)).toEqual(new Set(['a.example.com alpn', 'b.example.com alpn']));
    await running.until('no challenge is left', () => world.challenges.alpn.length === 0);
  });

  it('tells the CA only when every worker has the challenge', async () => {
    await using world = await startWorld();
    const gate = Promise.withResolvers<void>();
    await using running = await startIssuer({
      ...world,
      routes: { web: ['a.example.com'] },
      acknowledge: async (count) => {
        if (count > 0) await gate.promise;
      },
    });
    await running.until('the challenge is shown', () => world.challenges.http.length === 1);
    expect(running.store.challenges.list()).toMatchObject([{ kind: 'http-01', host: 'a.example.com' }]);
    await running.look();
    expect(world.pebble.output).not.toContain('POST /chalZ/');
    gate.resolve();
    await running.until('a certificate', () => issuedNames(running).length === 1);
    expect(world.pebble.output).toContain('POST /chalZ/');
  });

  it('renews when a third of the lifetime is left, and takes the old one away', async () => {
    await using world = await startWorld({ validitySeconds: 90 * 86_400 });
    await using running = await startIssuer({ ...world, routes: { web: ['a.example.com'] } });
    await running.until('a certificate', () => issuedNames(running).length === 1);
    const [first] = running.certificates.issued.list();
    running.clock.aheadMs = 57 * DAY;
    running.issuer.refresh();
    await running.look();
    expect(running.certificates.issued.list()).toEqual([first]);
    running.clock.aheadMs = 61 * DAY;
    running.issuer.refresh();
    await running.until(
      'the old one is removed',
      () => running.said('certificate was removed: another one serves its names').length === 1,
    );
    const [second, ...others] = running.certificates.issued.list();
    expect(others).toEqual([]);
    expect(second!.id).not.toBe(first!.id);
    await running.until('the new one alone is served', () => issuedNames(running).length === 1);
  });

  it('leaves a name that a CA refuses behind, and says why and when it is tried again', async () => {
    await using world = await startWorld();
    await world.pebble.dns('add-a', { host: 'down.example.com', addresses: ['127.0.0.77'] });
    await using running = await startIssuer({
      ...world,
      options: { ...world.options, challenges: ['http-01'] },
      routes: { web: ['down.example.com', 'up.example.com'] },
    });
    await running.until('a certificate', () => issuedNames(running).length === 1);
    expect(issuedNames(running)).toEqual([['up.example.com']]);
    const [waiting] = running.issuer.list().filter(({ notAfter }) => notAfter === null);
    expect(waiting).toMatchObject({
      names: ['down.example.com'],
      lastError: expect.stringContaining('connection'),
    });
    const waitMs = (waiting?.nextTryAt ?? 0) - running.clock.now;
    expect(waitMs).toBeGreaterThan(50_000);
    expect(waitMs).toBeLessThan(66_000);
    await world.pebble.dns('clear-a', { host: 'down.example.com' });
    running.clock.aheadMs = 2 * minute;
    running.issuer.refresh();
    await running.until('both names in one', () => issuedNames(running).some((names) => names.length === 2));
    expect(running.store.acmeNames.list()).toEqual([]);
  });

  it('asks no CA for names that lead elsewhere', async () => {
    await using world = await startWorld();
    // At the same port of another address: somebody else's server.
    const other = createServer((_request, response) => response.writeHead(404).end());
    await new Promise<void>((resolve) => other.listen(world.challenges.httpPort, '127.0.0.2', resolve));
    await using _ = { [Symbol.asyncDispose]: async () => void other.close() };
    const addressOf = (name: string) => (name.startsWith('elsewhere') ? '127.0.0.2' : '127.0.0.1');
    await using running = await startIssuer({
      ...world,
      options: { ...world.options, check: true, challenges: ['http-01'] },
      routes: { web: ['here.example.com', 'missing.example.com'], api: ['elsewhere.example.com'] },
      deps: {
        reachability: {
          port: world.challenges.httpPort,
          lookup: (name, options, done) => {
            if (name === 'missing.example.com')
              done(Object.assign(new Error('not found'), { code: 'ENOTFOUND' }), '', 4);
            else if (options.all === true) done(null, [{ address: addressOf(name), family: 4 }]);
            else done(null, addressOf(name), 4);
          },
        },
      },
    });
    await running.until('a certificate', () => issuedNames(running).length === 1);
    expect(issuedNames(running)).toEqual([['here.example.com']]);
    expect(running.store.acmeNames.list().map(({ name, lastError }) => [name, lastError])).toContainEqual([
      'missing.example.com',
      'missing.example.com has no DNS record that leads to an address',
    ]);
    expect(world.pebble.output).not.toMatch(/(missing|elsewhere)\.example\.com/);
  });

  it('never sends private names to a CA', async () => {
    await using world = await startWorld();
    await using running = await startIssuer({
      ...world,
      routes: { web: ['app.test', 'localhost', 'shop.local', '127.0.0.1', 'db.internal', 'ok.example.com'] },
    });
    await running.until('a certificate', () => issuedNames(running).length === 1);
    expect(issuedNames(running)).toEqual([['ok.example.com']]);
    expect(running.issuer.list().flatMap(({ names }) => names)).toEqual(['ok.example.com']);
    for (const name of ['app.test', 'shop.local', 'db.internal'])
      expect(world.pebble.output).not.toContain(name);
  });

  it('binds its account to an external one where the CA wants that', async () => {
    const hmacKey = 'zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W';
    await using world = await startWorld({ externalAccounts: { 'kid-1': hmacKey } });
    const { directory } = world.pebble;
    await using without = await startIssuer({ ...world, routes: { web: ['a.example.com'] } });
    await without.until('a refusal', () => without.store.acmeNames.list().length === 1);
    expect(without.store.acmeNames.list()[0]!.lastError).toContain('externalAccountRequired');
    await using running = await startIssuer({
      ...world,
      options: {
        ...world.options,
        authorities: [{ directory, externalAccount: { keyId: 'kid-1', hmacKey } }],
      },
      routes: { web: ['a.example.com'] },
    });
    await running.until('a certificate', () => issuedNames(running).length === 1);
  });

  it('goes on with an order that a crash interrupted', async () => {
    await using world = await startWorld();
    await using first = await startIssuer({
      ...world,
      routes: { web: ['a.example.com'] },
      acknowledge: (count) => (count > 0 ? new Promise(() => undefined) : Promise.resolve()),
    });
    await first.until('the challenge is shown', () => world.challenges.http.length === 1);
    const [order] = first.store.acmeOrders.list();
    await first.issuer.close();
    expect(first.store.acmeOrders.list()).toEqual([order]);
    await using second = await startIssuer({
      ...world,
      dataDir: first.dataDir,
      routes: { web: ['a.example.com'] },
    });
    await second.until('a certificate', () => issuedNames(second).length === 1);
    expect(ordersIn(world.pebble.output)).toBe(1);
    expect(second.store.acmeOrders.list()).toEqual([]);
  });

  it('places one order only, when two daemons look after the same names', async () => {
    await using world = await startWorld();
    await using first = await startIssuer({ ...world, routes: { web: ['a.example.com'] } });
    await using second = await startIssuer({
      ...world,
      dataDir: first.dataDir,
      routes: { web: ['a.example.com'] },
    });
    const both = () =>
      [first, second].filter((running) => running.said('certificate was issued').length === 1);
    await Promise.race(
      [first, second].map((running) => running.until('a certificate', () => both().length === 1)),
    );
    first.issuer.refresh();
    second.issuer.refresh();
    await first.until('served', () => issuedNames(first).length === 1 || issuedNames(second).length === 1);
    expect(ordersIn(world.pebble.output)).toBe(1);
    expect(both()).toHaveLength(1);
  });

  it('does not renew the certificate of a deleted app, and keeps it until it ends', async () => {
    await using world = await startWorld({ validitySeconds: 90 * 86_400 });
    await using running = await startIssuer({ ...world, routes: { web: ['a.example.com'] } });
    await running.until('a certificate', () => issuedNames(running).length === 1);
    running.routes.clear();
    running.clock.aheadMs = 80 * DAY;
    await running.look();
    running.routes.set('api', ['b.example.com']);
    running.issuer.refresh();
    await running.until('the other app has one', () => issuedNames(running).length === 2);
    expect(running.issuer.list().find(({ names }) => names[0] === 'a.example.com')?.nextTryAt).toBe(null);
    expect(ordersIn(world.pebble.output)).toBe(2);
    running.clock.aheadMs = 91 * DAY;
    running.issuer.refresh();
    await running.until('it is gone', () => !issuedNames(running).flat().includes('a.example.com'));
  });

  it('asks for one certificate only when its own clock is a year ahead, and again when that is mended', async () => {
    await using world = await startWorld({ validitySeconds: 90 * 86_400 });
    await using running = await startIssuer({
      ...world,
      aheadMs: 365 * DAY,
      routes: { web: ['a.example.com'] },
    });
    await running.until('a certificate', () => issuedNames(running).length === 1);
    await running.look();
    await running.look();
    expect(ordersIn(world.pebble.output)).toBe(1);
    running.clock.aheadMs = 0;
    expect(running.issuer.list()[0]?.notAfter).toBeGreaterThan(running.clock.now);
    running.clock.aheadMs = 61 * DAY;
    running.issuer.refresh();
    await running.until(
      'renewed by the right clock',
      () => running.said('certificate was issued').length === 2,
    );
  });
});
