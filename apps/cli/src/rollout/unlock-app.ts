// Takes a deployment's lock away from whoever holds it, on each server. Knows no flags.
import type { Unlocked } from '@tako/protocol';
import type { AppTarget } from '../app/target.ts';
import { onEachServer, throwFailures, valuesOf } from '../servers/outcomes.ts';
import type { ServerSession } from '../servers/session.ts';

export interface UnlockContext {
  readonly open: (server: { readonly name: string }, signal: AbortSignal) => Promise<ServerSession>;
  readonly signal: AbortSignal;
  readonly reason: string | null;
}

export interface ServerUnlocked {
  readonly server: string;
  readonly previous: Unlocked['previous'];
}

export async function unlockApp(target: AppTarget, context: UnlockContext): Promise<ServerUnlocked[]> {
  const { deploymentId } = target;
  const outcomes = await onEachServer(target.servers, async (server) => {
    await using session = await context.open(server, context.signal);
    const input = { deploymentId, ...(context.reason === null ? {} : { reason: context.reason }) };
    return await session.call(({ api }) => api.unlock.mutate(input, { signal: context.signal }));
  });
  throwFailures(outcomes, {
    what: 'unlocking',
    finish: (failed) =>
      `Finish: tako unlock --app ${target.app} --env ${target.env} ${failed.map((name) => `--server ${name}`).join(' ')}`,
  });
  return valuesOf(outcomes).map(({ server, value }) => ({ server, previous: value.previous }));
}

export function unlockText(servers: readonly ServerUnlocked[]): string {
  return servers
    .map(({ server, previous }) =>
      previous === null
        ? `${server}: nobody held it`
        : `${server}: taken from ${previous.user}@${previous.host} (pid ${previous.pid}, "${previous.command}")`,
    )
    .join('\n');
}
