// Secrets to one server, when its digest says that it has others (spec 40, update_secrets). Values travel only then.
import type { RolloutEvent } from '@tako/protocol';
import type { HeldLock } from '@tako/protocol/client';
import type { ServerSession } from '../servers/session.ts';

export interface SecretsTarget {
  readonly session: ServerSession;
  readonly lock: HeldLock;
  readonly deploymentId: string;
}

export async function updateSecrets(
  target: SecretsTarget,
  wanted: { readonly secrets: Readonly<Record<string, string>>; readonly digest: string },
  call: { signal: AbortSignal },
): Promise<AsyncIterable<RolloutEvent>> {
  const { api } = target.session.client;
  const { deploymentId } = target;
  const held = await api.secrets_digest.query({ deploymentId }, call);
  if (held.digest === wanted.digest) return unchanged();
  return api.update_secrets.mutate(
    { deploymentId, token: target.lock.token, secrets: { ...wanted.secrets } },
    call,
  );
}

async function* unchanged(): AsyncGenerator<RolloutEvent> {
  yield { type: 'unchanged', reason: 'the server has these secrets' };
}
