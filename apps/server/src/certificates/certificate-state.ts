// One word for how it stands with a certificate, so that people, scripts and metrics mean the same. Pure.
import type { CertificateState, CertificateStatus } from '@tako/protocol';
import { certificateLimits } from './limits.ts';

export type CertificateFactsNow = Omit<CertificateStatus, 'state' | 'names'>;

/** Issued ones renew themselves: only an error makes their end somebody's business. */
export function certificateState(facts: CertificateFactsNow, nowMs: number): CertificateState {
  const { source, notAfter, lastError, nextTryAt } = facts;
  if (source === 'self-signed') return 'self-signed';
  if (notAfter !== null && notAfter <= nowMs) return 'expired';
  if (lastError !== null) return 'failing';
  if (source === 'custom')
    return notAfter !== null && notAfter - nowMs <= certificateLimits.expiringSoonMs ? 'expiring' : 'valid';
  if (notAfter === null) return 'pending';
  return nextTryAt === null ? 'unused' : 'valid';
}
