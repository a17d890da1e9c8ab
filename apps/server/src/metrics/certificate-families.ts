// What Prometheus is shown of certificates: when each name's ends, what fails, when it is tried next. Pure.
import type { CertificateStatus } from '@tako/protocol';
import { precedenceOf } from '../certificates/precedence.ts';
import type { NameUpkeep } from '../issuer/index.ts';
import type { Family, Sample } from './exposition.ts';
import { counter, gauge } from './exposition.ts';
import type { MetricsTotals } from './metrics-totals.ts';

export interface CertificateFacts {
  readonly held: readonly CertificateStatus[];
  readonly names: readonly NameUpkeep[];
  readonly nowMs: number;
}

type Held = CertificateStatus & { readonly notAfter: number };

/** One that no route wants ends without anybody having to act: it would only ring the bell of whoever watches ends. */
const isKept = (certificate: CertificateStatus): certificate is Held =>
  certificate.notAfter !== null && certificate.state !== 'unused';

/** Of several certificates with the same name the one that is served, so that a series is there once. */
function servedByName({ held, nowMs }: CertificateFacts): Map<string, Held> {
  const ascending = held
    .filter(isKept)
    .toSorted((a, b) => precedenceOf(a, nowMs) - precedenceOf(b, nowMs) || a.notAfter - b.notAfter);
  return new Map(ascending.flatMap((certificate) => certificate.names.map((name) => [name, certificate])));
}

export function certificateFamilies(
  server: string,
  totals: MetricsTotals,
  facts: CertificateFacts,
): Family[] {
  const expiries = [...servedByName(facts)].map(([name, { issuer, notAfter }]): Sample => ({
    labels: { server, name, issuer: issuer ?? '' },
    value: notAfter / 1_000,
  }));
  return [
    gauge(
      'tako_certificate_expiry_timestamp_seconds',
      'When the certificate that is served for the name ends, in seconds since the epoch.',
      expiries,
    ),
    gauge(
      'tako_certificate_failures',
      'Tries in a row to have or renew the certificate of the name that went wrong; 0: it is in order.',
      facts.names.map(({ name, failures }) => ({ labels: { server, name }, value: failures })),
    ),
    gauge(
      'tako_certificate_next_try_timestamp_seconds',
      'When the certificate of the name is renewed or tried again, in seconds since the epoch.',
      facts.names.flatMap(({ name, nextTryAt }) =>
        nextTryAt === null ? [] : [{ labels: { server, name }, value: nextTryAt / 1_000 }],
      ),
    ),
    counter(
      'tako_certificate_orders_total',
      'Orders at certificate authorities that ended, by result: issued or failed.',
      (['issued', 'failed'] as const).map((result) => ({
        labels: { server, result },
        value: totals.server.get(`certificateOrders.${result}`),
      })),
    ),
  ];
}
