// The issuer on the bad days of its CA: down, slow, limited, forgetful, distrusted; and what it says about renewal.
import { describe, expect, it } from 'vitest';
import { startFaultyCa } from './testing/faulty-ca.ts';
import { hasPebble } from './testing/pebble.ts';
import { startWorld } from './testing/pebble-world.ts';
import { issuedNames, startIssuer } from './testing/running-issuer.ts';

const DAY = 86_400_000;
const minute = 60_000;

describe.skipIf(!hasPebble)('a CA on a bad day', () => {
  async function startBadDay() {
    await using undo = new AsyncDisposableStack();
    const world = undo.use(await startWorld());
    const ca = undo.use(await startFaultyCa(world.pebble));
    const resources = undo.move();
    return {
      ...world,
      ca,
      options: { authorities: [{ directory: ca.directory, externalAccount: null }], extraRoots: ca.caPem },
      [Symbol.asyncDispose]: () => resources.disposeAsync(),
    };
  }

  const problem = (type: string, detail: string) => ({ type: `urn:ietf:params:acme:error:${type}`, detail });

  it('that is down is asked again as the table says, also after a restart', async () => {
    await using world = await startBadDay();
    world.ca.fault = () => 'cut';
    await using first = await startIssuer({ ...world, routes: { web: ['a.example.com'] } });
    await first.until('a failure', () => first.store.acmeNames.list()[0]?.failures === 1);
    const [record] = first.store.acmeNames.list();
    expect(record!.nextTryAt - record!.lastTriedAt).toBe(minute);
    first.clock.aheadMs = 61_000;
    first.issuer.refresh();
    await first.until('another', () => first.store.acmeNames.list()[0]?.failures === 2);
    const { nextTryAt } = first.store.acmeNames.list()[0]!;
    expect(first.issuer.names()).toEqual([{ name: 'a.example.com', failures: 2, nextTryAt }]);
    await first.until('the end of both', () => first.orders.length === 2);
    expect(first.orders).toEqual(['failed', 'failed']);
    expect(first.store.acmeNames.list()[0]!.nextTryAt - first.store.acmeNames.list()[0]!.lastTriedAt).toBe(
      2 * minute,
    );
    await first.issuer.close();
    world.ca.fault = () => null;
    await using second = await startIssuer({
      ...world,
      dataDir: first.dataDir,
      aheadMs: 62_000,
      routes: { web: ['a.example.com'] },
    });
    const calls = world.ca.calls.length;
    second.issuer.refresh();
    expect(second.issuer.list()).toMatchObject([{ names: ['a.example.com'], notAfter: null }]);
    expect(world.ca.calls).toHaveLength(calls);
    second.clock.aheadMs = 185_000;
    second.issuer.refresh();
    await second.until('a certificate', () => issuedNames(second).length === 1);
    await second.until('its end', () => second.orders.length === 1);
    const { renewAt } = second.certificates.issued.list()[0]!.acme;
    expect(second.issuer.names()).toEqual([{ name: 'a.example.com', failures: 0, nextTryAt: renewAt }]);
    expect(second.orders).toEqual(['issued']);
  });

  it.each([
    ['returns errors', 500, problem('serverInternal', 'try later')],
    ['returns pages that are no JSON', 502, '<html>bad gateway</html>'],
  ])('that %s leaves what is served as it is', async (_, status, body) => {
    await using world = await startBadDay();
    await using running = await startIssuer({ ...world, routes: { web: ['a.example.com'] } });
    await running.until('a certificate', () => issuedNames(running).length === 1);
    world.ca.fault = () => ({ status, body });
    running.clock.aheadMs = 5 * 365 * DAY;
    running.issuer.refresh();
    await running.until('a failure', () => running.store.acmeNames.list().length === 1);
    expect(issuedNames(running)).toEqual([['a.example.com']]);
    expect(running.issuer.list()[0]).toMatchObject({
      names: ['a.example.com'],
      lastError: expect.any(String),
    });
  });

  it('that does not answer at all is given up after a while', async () => {
    await using world = await startBadDay();
    world.ca.fault = () => 'hang';
    await using running = await startIssuer({
      ...world,
      routes: { web: ['a.example.com'] },
      deps: { requestTimeoutMs: 500 },
    });
    await running.until('a failure', () => running.store.acmeNames.list().length === 1);
    expect(running.store.acmeNames.list()[0]).toMatchObject({ failures: 1 });
    expect(running.store.acmeNames.list()[0]!.lastError).toContain('500ms');
  });

  it('that limits its rate is left alone until the time it said, also after a restart', async () => {
    await using world = await startBadDay();
    const detail = 'too many new orders';
    world.ca.fault = ({ path: called }) =>
      called === '/order-plz'
        ? { status: 429, headers: { 'retry-after': '7200' }, body: problem('rateLimited', detail) }
        : null;
    await using first = await startIssuer({ ...world, routes: { web: ['a.example.com'] } });
    await first.until('a failure', () => first.store.acmeNames.list().length === 1);
    const [record] = first.store.acmeNames.list();
    expect(record!.lastError).toContain(detail);
    expect(Math.round((record!.nextTryAt - record!.lastTriedAt) / minute)).toBe(120);
    await first.issuer.close();
    world.ca.fault = () => null;
    world.ca.calls.length = 0;
    await using second = await startIssuer({
      ...world,
      dataDir: first.dataDir,
      aheadMs: 119 * minute,
      routes: { web: ['a.example.com'], api: [] },
    });
    expect(second.store.acmePauses.list(second.clock.now)).toHaveLength(1);
    second.issuer.refresh();
    expect(world.ca.calls).toEqual([]);
    second.clock.aheadMs = 121 * minute;
    second.issuer.refresh();
    await second.until('a certificate', () => issuedNames(second).length === 1);
  });

  it('is passed over for the next CA, which is asked at once', async () => {
    await using world = await startBadDay();
    world.ca.fault = () => ({ status: 503, headers: { 'retry-after': '600' } });
    await using running = await startIssuer({
      ...world,
      options: {
        authorities: [
          { directory: world.ca.directory, externalAccount: null },
          { directory: world.pebble.directory, externalAccount: null },
        ],
        extraRoots: world.pebble.caPem,
      },
      routes: { web: ['a.example.com'] },
    });
    await running.until('a certificate', () => issuedNames(running).length === 1);
    expect(running.certificates.issued.list()[0]!.acme.directory).toBe(world.pebble.directory);
    expect(running.store.acmePauses.list(running.clock.now)).toMatchObject([{ scope: world.ca.directory }]);
    expect(running.store.acmeNames.list()).toEqual([]);
  });

  it('that does not want the names together gets them apart', async () => {
    await using world = await startBadDay();
    world.ca.fault = ({ path: called, body }) => {
      if (called !== '/order-plz') return null;
      const { payload } = JSON.parse(body) as { payload: string };
      const { identifiers } = JSON.parse(Buffer.from(payload, 'base64url').toString()) as {
        identifiers: unknown[];
      };
      return identifiers.length > 1
        ? {
            status: 400,
            headers: { 'replay-nonce': 'AAAA' },
            body: problem('rejectedIdentifier', 'one name only'),
          }
        : null;
    };
    await using running = await startIssuer({
      ...world,
      routes: { web: ['a.example.com', 'b.example.com', 'c.example.com'] },
    });
    await running.until('three certificates', () => issuedNames(running).length === 3);
    expect(issuedNames(running).flat().toSorted()).toEqual([
      'a.example.com',
      'b.example.com',
      'c.example.com',
    ]);
  });

  it('that has forgotten our account gets a new one', async () => {
    await using world = await startBadDay();
    await using first = await startIssuer({ ...world, routes: { web: ['a.example.com'] } });
    await first.until('a certificate', () => issuedNames(first).length === 1);
    let refusals = 0;
    world.ca.fault = ({ path: called }) => {
      if (called !== '/order-plz' || refusals > 0) return null;
      refusals += 1;
      return { status: 400, body: problem('accountDoesNotExist', 'who are you') };
    };
    first.routes.set('web', ['b.example.com']);
    first.issuer.refresh();
    await first.until('the other certificate', () => issuedNames(first).flat().includes('b.example.com'));
    expect(refusals).toBe(1);
  });

  it('that certifies another key is not believed, and asked anew', async () => {
    await using world = await startBadDay();
    const now = Date.now();
    const dates = { notBefore: now - DAY, notAfter: now + DAY };
    const { leaf } = await world.pebble.authority.issue({ names: ['a.example.com'], ...dates });
    const headers = { 'content-type': 'application/pem-certificate-chain' };
    const text = leaf + world.pebble.authority.intermediate;
    world.ca.fault = ({ path: called }) =>
      called.startsWith('/certZ/') ? { status: 200, headers, text } : null;
    await using running = await startIssuer({ ...world, routes: { web: ['a.example.com'] } });
    await running.until('a failure', () => running.store.acmeNames.list().length === 1);
    const [record] = running.store.acmeNames.list();
    expect(record?.lastError).toContain('the private key is not that of the first certificate');
    expect(record!.nextTryAt - record!.lastTriedAt).toBe(minute);
    expect(issuedNames(running)).toEqual([]);
    expect(running.views).toHaveLength(1);
    world.ca.fault = () => null;
    running.clock.aheadMs = 61_000;
    running.issuer.refresh();
    await running.until('a certificate', () => issuedNames(running).length === 1);
  });

  it('whose own certificate is not trusted is named with what to do', async () => {
    await using world = await startBadDay();
    await using running = await startIssuer({
      ...world,
      options: { ...world.options, extraRoots: null },
      routes: { web: ['a.example.com'] },
    });
    await running.until('a failure', () => running.store.acmeNames.list().length === 1);
    expect(running.store.acmeNames.list()[0]!.lastError).toContain('--acme-ca-file');
  });

  it('tells when to renew, and the order says what it replaces (RFC 9773)', async () => {
    await using world = await startBadDay();
    world.ca.hasRenewalInfo = true;
    const window = { start: 0, end: 0 };
    world.ca.fault = ({ path: called }) =>
      called.startsWith('/renewal-info/')
        ? {
            status: 200,
            headers: { 'retry-after': '21600' },
            body: {
              suggestedWindow: {
                start: new Date(window.start).toISOString(),
                end: new Date(window.end).toISOString(),
              },
            },
          }
        : null;
    window.start = Date.now() + 10 * DAY;
    window.end = Date.now() + 12 * DAY;
    await using running = await startIssuer({ ...world, routes: { web: ['a.example.com'] } });
    await running.until(
      'the window is known',
      () => running.said('renewal time was set by the CA').length === 1,
    );
    await running.look();
    const [first] = running.certificates.issued.list();
    expect(Math.abs(first!.acme.renewAt - (Date.now() + 11 * DAY))).toBeLessThan(minute);
    expect(running.issuer.list()[0]?.nextTryAt).toBe(first!.acme.renewAt);
    expect(world.ca.calls.filter((call) => call.includes('renewal-info'))).toEqual([
      `GET /renewal-info/${first!.acme.ariId}`,
    ]);
    // Revoked: the next poll gives a window in the past. Pebble 2.4 knows no `replaces`, and does not mind.
    window.start = Date.now() - 2 * DAY;
    window.end = Date.now() - DAY;
    running.clock.aheadMs = 6.5 * 3_600_000;
    running.issuer.refresh();
    await running.until('renewed at once', () => running.said('certificate was issued').length === 2);
    const orders = world.ca.payloads.filter(({ path: called }) => called === '/order-plz');
    expect(orders[0]!.payload).not.toHaveProperty('replaces');
    expect(orders.at(-1)!.payload).toMatchObject({ replaces: first!.acme.ariId });
  });
});
