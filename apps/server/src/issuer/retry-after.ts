// Reads `Retry-After` (RFC 9110 §10.2.3). Pure.
import { issuerLimits } from './limits.ts';

/** Milliseconds from now; null when it is missing or says nothing. */
export function parseRetryAfter(value: string | null | undefined, nowMs: number): number | null {
  const text = value?.trim() ?? '';
  if (text === '') return null;
  const ms = /^\d+$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - nowMs;
  if (Number.isNaN(ms) || ms <= 0) return null;
  return Math.min(ms, issuerLimits.retryAfterMaxMs);
}
