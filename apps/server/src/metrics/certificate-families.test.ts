import type { CertificateStatus } from '@tako/protocol';
import { expect, test } from 'vitest';
import { parseExposition } from '../testing/parse-exposition.ts';
import { certificateFamilies } from './certificate-families.ts';
import type { CertificateFacts } from './certificate-families.ts';
import { formatExposition } from './exposition.ts';
import { MetricsTotals } from './metrics-totals.ts';

const HOUR = 3_600_000;

const certificate = (given: Partial<CertificateStatus>): CertificateStatus => ({
  names: ['a.com'],
  source: 'acme',
  state: 'valid',
  issuer: 'CA',
  notAfter: 90 * HOUR,
  lastError: null,
  nextTryAt: 60 * HOUR,
  ...given,
});

/** As a scraper reads it: labels but the server's, and values, by series. */
function scraped(facts: Partial<CertificateFacts>, totals = new MetricsTotals()) {
  const given = { held: [], names: [], nowMs: HOUR, ...facts };
  const text = formatExposition(certificateFamilies('web1', totals, given));
  return Object.fromEntries(
    [...parseExposition(text)].map(([name, { samples }]) => [
      name.replace('tako_certificate_', ''),
      samples.map(({ labels: { server, ...labels }, value }) => {
        expect(server).toBe('web1');
        return { ...labels, value };
      }),
    ]),
  );
}

test('of several certificates with a name the end of the one that is served is shown, as TLS chooses it', () => {
  const custom = certificate({ source: 'custom', issuer: 'Given', notAfter: 30 * HOUR });
  const later = certificate({ names: ['a.com', '*.a.com'], notAfter: 95 * HOUR });
  const { expiry_timestamp_seconds: ends } = scraped({ held: [custom, certificate({}), later] });
  expect(ends).toEqual([
    { name: 'a.com', issuer: 'Given', value: 30 * 3_600 },
    { name: '*.a.com', issuer: 'CA', value: 95 * 3_600 },
  ]);
  const { expiry_timestamp_seconds: afterItsEnd } = scraped({ held: [later, custom], nowMs: 31 * HOUR });
  expect(afterItsEnd).toContainEqual({ name: 'a.com', issuer: 'CA', value: 95 * 3_600 });
});

test('names that wait have failures and a next try, but no end; what nobody wants has nothing', () => {
  const found = scraped({
    held: [
      certificate({ notAfter: null, issuer: null, state: 'failing', lastError: 'no' }),
      certificate({ names: ['gone.com'], state: 'unused', nextTryAt: null }),
    ],
    names: [
      { name: 'a.com', failures: 3, nextTryAt: 2 * HOUR },
      { name: '*.x.com', failures: 1, nextTryAt: null },
    ],
  });
  expect(found).toEqual({
    failures: [
      { name: 'a.com', value: 3 },
      { name: '*.x.com', value: 1 },
    ],
    next_try_timestamp_seconds: [{ name: 'a.com', value: 2 * 3_600 }],
    orders_total: [
      { result: 'issued', value: 0 },
      { result: 'failed', value: 0 },
    ],
  });
});

test('whatever a certificate calls its issuer, a scraper reads back the same', () => {
  const issuer = 'The "best" CA \\ of\nall, {really}';
  expect(scraped({ held: [certificate({ issuer })] }).expiry_timestamp_seconds).toEqual([
    { name: 'a.com', issuer, value: 90 * 3_600 },
  ]);
});

test('orders go on counting in the daemon after', () => {
  const totals = new MetricsTotals();
  totals.certificateOrder('issued');
  totals.certificateOrder('failed');
  const next = new MetricsTotals(totals.saved);
  next.certificateOrder('failed');
  expect(scraped({}, next).orders_total).toEqual([
    { result: 'issued', value: 1 },
    { result: 'failed', value: 2 },
  ]);
});
