// What a failed order means for what is done next: for its names, for its CA, for the other CAs. Pure.
import type { CaFailure, RefusedName } from './order-thread.types.ts';

export type OrderVerdict =
  /** These names are at fault; the others may be ordered without them. */
  | { readonly kind: 'names'; readonly names: readonly RefusedName[] }
  /** The CA does not say which name it does not want: it is asked again with fewer. */
  | { readonly kind: 'divide'; readonly message: string }
  /** The CA cannot or will not now; another one may. */
  | {
      readonly kind: 'ca';
      readonly message: string;
      /** It is not asked before that, for these names or at all. */
      readonly pause: { readonly ms: number; readonly whole: boolean } | null;
    }
  /** Our account there is gone; it is made anew at once. */
  | { readonly kind: 'account'; readonly message: string };

/** What a CA says about a name (RFC 8555 §6.7); another CA would see the same, save for these. */
const caOwnProblems: ReadonlySet<string> = new Set(['caa', 'serverInternal', 'rateLimited']);

/** Names are at fault for every CA, so none other is asked. */
export const isOwnFault = (name: RefusedName): boolean =>
  name.problem === null || !caOwnProblems.has(name.problem);

const clockCodes: ReadonlySet<string> = new Set(['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID']);
const trustCodes: ReadonlySet<string> = new Set([
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'CERT_SIGNATURE_FAILURE',
  'ERR_TLS_CERT_ALTNAME_INVALID',
]);

/** For people: what the CA or the network said, and where a look would help. */
export function failureText(failure: CaFailure): string {
  const { networkCode, message } = failure;
  if (networkCode !== null && clockCodes.has(networkCode))
    return `${message}: the CA's own certificate does not fit this server's clock (\`timedatectl\`)`;
  if (networkCode !== null && trustCodes.has(networkCode))
    return `${message}: the CA's own certificate is not trusted here (\`--acme-ca-file\`)`;
  if (networkCode !== null && !message.includes(networkCode)) return `${message} (${networkCode})`;
  return message;
}

/** At the account it stands for every name, at an order for the names asked for. */
function pauseOf(failure: CaFailure): { ms: number; whole: boolean } | null {
  const { status, problem, retryAfterMs, phase } = failure;
  if (problem === 'rateLimited' || status === 429)
    return { ms: retryAfterMs ?? 0, whole: phase === 'account' };
  return retryAfterMs !== null && status !== null && status >= 500 ? { ms: retryAfterMs, whole: true } : null;
}

/** Problems of `newOrder` that are about names (RFC 8555 §6.7). */
const nameProblems: ReadonlySet<string> = new Set([
  'rejectedIdentifier',
  'unsupportedIdentifier',
  'malformed',
  'caa',
  'dns',
]);

export function judgeFailure(failure: CaFailure, names: readonly string[]): OrderVerdict {
  const { problem, phase, subproblems } = failure;
  const message = failureText(failure);
  const known = new Set(names);
  const blamed = subproblems.flatMap((entry) => {
    const name = known.has(entry.name) ? entry.name : `*.${entry.name}`;
    return known.has(name) ? [{ ...entry, name }] : [];
  });
  if (problem === 'accountDoesNotExist') return { kind: 'account', message };
  const pause = pauseOf(failure);
  if (pause !== null) return { kind: 'ca', message, pause };
  if (blamed.length > 0) return { kind: 'names', names: blamed };
  if ((phase === 'order' || phase === 'finalize') && problem !== null && nameProblems.has(problem)) {
    const [only] = names;
    if (names.length > 1 && phase === 'order') return { kind: 'divide', message };
    if (names.length === 1 && only !== undefined && problem !== 'malformed')
      return { kind: 'names', names: [{ name: only, message, problem }] };
  }
  return { kind: 'ca', message, pause: null };
}
