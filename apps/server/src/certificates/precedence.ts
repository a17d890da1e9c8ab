// Of two certificates for the same name, which one is served. Pure.
import type { CertificateRecord } from '@tako/store';

export interface Precedent {
  readonly source: CertificateRecord['source'];
  readonly notAfter: number;
}

/** The higher one is served. A given one that has ended leaves its names to those that were issued for them meanwhile. */
export function precedenceOf({ source, notAfter }: Precedent, nowMs: number): number {
  if (source === 'self-signed') return 0;
  if (source === 'acme') return 2;
  return notAfter > nowMs ? 3 : 1;
}
