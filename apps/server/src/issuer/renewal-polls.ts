// Asks CAs when their certificates are to be renewed, and keeps what they say. One certificate after the other: a
// thousand of them are no reason for a burst.
import { errorMessage } from '../files/durable-file.ts';
import type { Log } from '../log.ts';
import type { IssuedCertificate } from '../certificates/issued-certificates.ts';
import type { AriAnswer, AriClient } from './ari-client.ts';
import type { CertificateStorage } from './issuer-storage.ts';
import { issuerLimits } from './limits.ts';
import { chooseRenewalAt, nextPollAt } from './renewal-information.ts';

export interface RenewalPollsDeps {
  readonly ari: Pick<AriClient, 'ask'>;
  readonly storage: Pick<CertificateStorage, 'update'>;
  readonly nowMs: () => number;
  readonly chance: () => number;
  readonly log: Log;
}

/** Rejects only when the storage does. */
export async function pollRenewals(
  deps: RenewalPollsDeps,
  certificates: readonly IssuedCertificate[],
  signal: AbortSignal,
): Promise<void> {
  for (const { id, names, acme } of certificates) {
    if (acme.ariId === null) continue;
    const answer = await ask(deps, { ...acme, ariId: acme.ariId }, signal);
    if (signal.aborted) return;
    const renewAt =
      answer.kind === 'window' ? chooseRenewalAt(answer.window, acme.renewAt, deps.chance()) : acme.renewAt;
    const retryAfterMs = answer.kind === 'none' ? issuerLimits.ariPollMaxMs : answer.retryAfterMs;
    await deps.storage.update(id, { ...acme, renewAt, ariNextAt: nextPollAt(deps.nowMs(), retryAfterMs) });
    if (answer.kind === 'window' && renewAt !== acme.renewAt)
      deps.log.info(
        { names, renewAt, explanation: answer.window.explanationUrl },
        'renewal time was set by the CA',
      );
    // RFC 9773 §4.3.2: without an answer the schedule of our own stands.
    if (answer.kind === 'failed')
      deps.log.debug({ names, reason: answer.reason }, 'renewal time was not had');
  }
}

async function ask(
  { ari }: RenewalPollsDeps,
  { directory, ariId }: { readonly directory: string; readonly ariId: string },
  signal: AbortSignal,
): Promise<AriAnswer> {
  try {
    return await ari.ask(directory, ariId, signal);
  } catch (error) {
    return { kind: 'failed', reason: errorMessage(error), retryAfterMs: null };
  }
}
