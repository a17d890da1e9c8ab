import { describe, expect, it } from 'vitest';
import type { IssuedCertificate } from '../certificates/issued-certificates.ts';
import { certificateState } from '../certificates/certificate-state.ts';
import { reportCertificates, reportNames } from './certificate-report.ts';
import { createCoalesced } from './coalesced.ts';
import { hostCertificates } from './host-certificates.ts';

const DAY = 86_400_000;

const certificate = (id: string, names: readonly string[]): IssuedCertificate => ({
  id,
  names,
  issuer: 'CA',
  notBefore: 0,
  notAfter: 90 * DAY,
  acme: { directory: 'ca', issuedAt: 0, renewAt: 60 * DAY, ariId: null, ariNextAt: null },
});
const failure = (name: string) => ({
  name,
  failures: 2,
  lastTriedAt: 1,
  nextTryAt: 5,
  lastError: `${name}: no`,
});

describe('the report', () => {
  it('has each wanted name with its failures and its next try', () => {
    const names = reportNames({
      nowMs: 1,
      selection: {
        wanted: [
          { deploymentId: 'web', names: ['a.com', 'b.com'] },
          { deploymentId: 'api', names: ['c.com'] },
        ],
        unprovided: ['*.x.com'],
      },
      certificates: [certificate('1', ['a.com', 'b.com', 'z.com'])],
      failures: new Map([['b.com', failure('b.com')]]),
    });
    expect(names).toEqual([
      { name: 'a.com', failures: 0, nextTryAt: 60 * DAY },
      { name: 'b.com', failures: 2, nextTryAt: 5 },
      { name: 'c.com', failures: 0, nextTryAt: null },
      { name: '*.x.com', failures: 1, nextTryAt: null },
    ]);
  });

  it('has certificates with their next renewal, and names without one with their error', () => {
    const report = reportCertificates({
      nowMs: 1,
      selection: {
        wanted: [{ deploymentId: 'web', names: ['a.com', 'b.com', 'c.com', 'd.com'] }],
        unprovided: ['*.x.com'],
      },
      certificates: [certificate('1', ['a.com', 'b.com']), certificate('2', ['z.com'])],
      failures: new Map([
        ['b.com', failure('b.com')],
        ['d.com', failure('d.com')],
      ]),
    });
    const held = { source: 'acme', issuer: 'CA', notAfter: 90 * DAY };
    const missing = { source: 'acme', issuer: null, notAfter: null };
    expect(report).toEqual([
      { ...held, names: ['a.com', 'b.com'], state: 'failing', lastError: 'b.com: no', nextTryAt: 5 },
      { ...held, names: ['z.com'], state: 'unused', lastError: null, nextTryAt: null },
      { ...missing, names: ['c.com'], state: 'pending', lastError: null, nextTryAt: null },
      { ...missing, names: ['d.com'], state: 'failing', lastError: 'd.com: no', nextTryAt: 5 },
      {
        ...missing,
        names: ['*.x.com'],
        state: 'failing',
        lastError: expect.stringContaining('--dns-provider'),
        nextTryAt: null,
      },
    ]);
    const healthy = { wanted: [{ deploymentId: 'web', names: ['a.com'] }], unprovided: [] };
    const [first] = reportCertificates({
      nowMs: 1,
      selection: healthy,
      certificates: [certificate('1', ['a.com'])],
      failures: new Map(),
    });
    expect(first).toMatchObject({ state: 'valid', nextTryAt: 60 * DAY });
  });

  it('warns of given certificates two weeks before they end, of issued ones only when they cannot be renewed', () => {
    const facts = { issuer: 'CA', lastError: null, nextTryAt: 5 } as const;
    const given = { ...facts, source: 'custom', notAfter: 14 * DAY } as const;
    expect(certificateState(given, 0)).toBe('expiring');
    expect(certificateState(given, -1)).toBe('valid');
    expect(certificateState(given, 14 * DAY)).toBe('expired');
    const issued = { ...given, source: 'acme' } as const;
    expect(certificateState(issued, 0)).toBe('valid');
    expect(certificateState({ ...issued, lastError: 'no' }, 0)).toBe('failing');
    expect(certificateState({ ...issued, lastError: 'no' }, 14 * DAY)).toBe('expired');
    expect(certificateState({ ...issued, notAfter: null, lastError: 'no' }, 0)).toBe('failing');
    expect(certificateState({ ...given, source: 'self-signed' }, 14 * DAY)).toBe('self-signed');
  });
});

describe('the certificates of an app', () => {
  const facts = { issuer: 'CA', notAfter: 90 * DAY, lastError: null, nextTryAt: null } as const;
  const custom = { ...facts, source: 'custom', state: 'valid' } as const;
  const issued = { ...facts, source: 'acme', state: 'valid', notAfter: 80 * DAY, nextTryAt: 5 } as const;
  const selfSigned = { source: 'self-signed', issuer: null, notAfter: null, nextTryAt: null } as const;
  const waiting = { source: 'acme', issuer: null, notAfter: null, nextTryAt: null } as const;

  it('are those that TLS serves: exact before wildcard, given before issued, those that ended last', () => {
    const all = [
      { ...custom, names: ['*.x.com', 'both.com'] },
      { ...issued, names: ['a.x.com', 'both.com', 'over.com'] },
      { ...custom, names: ['over.com'], state: 'expired', notAfter: DAY } as const,
    ];
    const routes = ['a.x.com/api', 'b.x.com', 'both.com', 'over.com', '*.x.com', 'c.b.x.com'];
    const found = hostCertificates(routes, all, 2 * DAY);
    expect(found.map(({ host, source, state }) => [host, source, state])).toEqual([
      ['*.x.com', 'custom', 'valid'],
      ['a.x.com', 'acme', 'valid'],
      ['b.x.com', 'custom', 'valid'],
      ['both.com', 'custom', 'valid'],
      ['c.b.x.com', 'self-signed', 'self-signed'],
      ['over.com', 'acme', 'valid'],
    ]);
    expect(found[1]).toEqual({ host: 'a.x.com', ...issued });
  });

  it('are the self-signed one while there is no other, with what the CA said', () => {
    const all = [
      { ...waiting, names: ['new.com'], state: 'pending', lastError: null } as const,
      { ...waiting, names: ['down.com'], state: 'failing', lastError: 'no', nextTryAt: 9 } as const,
      { ...selfSigned, names: ['localhost'], state: 'self-signed', notAfter: 9, lastError: null } as const,
    ];
    expect(hostCertificates(['new.com', 'down.com', 'app.test'], all, 0)).toEqual([
      { host: 'app.test', ...selfSigned, state: 'self-signed', lastError: null },
      { host: 'down.com', ...selfSigned, state: 'failing', lastError: 'no', nextTryAt: 9 },
      { host: 'new.com', ...selfSigned, state: 'pending', lastError: null },
    ]);
  });
});

describe('coalesced work', () => {
  it('runs once for many wishes, again for one that comes while it runs, and never twice at a time', async () => {
    let running = 0;
    let runs = 0;
    const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const { signal } = new AbortController();
    const coalesced = createCoalesced(
      async () => {
        running += 1;
        expect(running).toBe(1);
        await gates[runs]?.promise;
        runs += 1;
        running -= 1;
      },
      0,
      signal,
    );
    const first = [coalesced.request(), coalesced.request()];
    await Promise.resolve();
    await Promise.resolve();
    const second = [coalesced.request(), coalesced.request()];
    gates[0]?.resolve();
    await Promise.all(first);
    expect(runs).toBe(1);
    gates[1]?.resolve();
    await Promise.all(second);
    expect(runs).toBe(2);
  });

  it('runs nothing after the abort, and keeps nobody waiting', async () => {
    let runs = 0;
    const ending = new AbortController();
    const coalesced = createCoalesced(async () => void (runs += 1), 60_000, ending.signal);
    await coalesced.request();
    const late = coalesced.request();
    ending.abort();
    await late;
    expect(runs).toBe(1);
  });
});
