// When a certificate is renewed without a word from its CA. Pure.

const day = 24 * 3_600_000;

/** Below it a third would leave too few tries: half of the lifetime (the practice for certificates of six days). */
const shortLivedMs = 10 * day;
/** Up to so much of the remaining part earlier, so that what was issued together is not renewed together. */
const jitter = 0.1;

export interface Validity {
  readonly notBefore: number;
  readonly notAfter: number;
}

/** When a third of the lifetime (of short ones: half) is left, by the CA's dates alone. */
export function latestRenewalAt({ notBefore, notAfter }: Validity): number {
  const lifetime = notAfter - notBefore;
  return Math.round(notAfter - (lifetime < shortLivedMs ? lifetime / 2 : lifetime / 3));
}

/**
 * @param issuedAt when we got it, by our clock. Should that clock be ahead, the CA's dates would say "renew now" for
 *   ever: a certificate is never renewed before half its lifetime has passed on our own clock.
 * @param chance from 0 to 1
 */
export function renewalAt(validity: Validity, issuedAt: number, chance: number): number {
  const lifetime = validity.notAfter - validity.notBefore;
  const latest = latestRenewalAt(validity);
  const left = validity.notAfter - latest;
  const wanted = latest - left * jitter * chance;
  if (wanted - issuedAt >= lifetime / 3) return Math.round(wanted);
  return Math.round(issuedAt + lifetime / 2 - left * jitter * chance);
}
