// What runs on each server: one app's, or all; unreachable servers are part of the answer. Knows no flags.
import { isTakoError, TakoError, type Server } from '@tako/config';
import type { DeploymentStatus } from '@tako/protocol';
import { errorFacts } from '../output/error-report.ts';
import { onEachServer, valuesOf, type ServerOutcome } from '../servers/outcomes.ts';
import type { ServerSession } from '../servers/session.ts';

export interface StatusScope {
  /** null: every deployment. */
  readonly deploymentId: string | null;
  readonly servers: readonly Server[];
}

export interface StatusReport {
  readonly scope: StatusScope;
  readonly outcomes: readonly ServerOutcome<readonly DeploymentStatus[]>[];
}

export type OpenSession = (server: { readonly name: string }, signal: AbortSignal) => Promise<ServerSession>;

/** Errors: APP_NOT_FOUND when no server that answered has it; SERVERS_NOT_CHOSEN when none is known. */
export async function readStatus(
  scope: StatusScope,
  open: OpenSession,
  signal: AbortSignal,
): Promise<StatusReport> {
  requireServers(scope);
  const outcomes = await onEachServer(scope.servers, async (server) => {
    await using session = await open(server, signal);
    return await readServerStatus(session, scope, signal);
  });
  signal.throwIfAborted();
  return requireSomewhere({ scope, outcomes });
}

/** Errors: SERVERS_NOT_CHOSEN. */
export function requireServers(scope: StatusScope): void {
  if (scope.servers.length > 0) return;
  throw new TakoError('SERVERS_NOT_CHOSEN', 'no server is known on this machine', {
    hint: 'Add one: tako servers add user@host',
  });
}

/** What the server runs of the scope; nothing when it does not know the app. */
export function readServerStatus(
  session: ServerSession,
  scope: StatusScope,
  signal: AbortSignal,
): Promise<readonly DeploymentStatus[]> {
  const { deploymentId } = scope;
  return session.call(async ({ api }) => {
    try {
      const input = deploymentId === null ? {} : { deploymentId };
      return (await api.status.query(input, { signal })).deployments;
    } catch (error) {
      if (isTakoError(error) && error.code === 'APP_NOT_FOUND') return [];
      throw error;
    }
  });
}

/** Errors: APP_NOT_FOUND when all answered and none has it. */
function requireSomewhere(report: StatusReport): StatusReport {
  const { scope, outcomes } = report;
  const answered = valuesOf(outcomes);
  const nowhere = answered.length === outcomes.length && answered.every(({ value }) => value.length === 0);
  if (scope.deploymentId === null || !nowhere) return report;
  throw new TakoError(
    'APP_NOT_FOUND',
    `"${scope.deploymentId}" is not deployed on ${answered.map(({ server }) => server).join(', ')}`,
    { hint: 'Deploy it: tako deploy' },
  );
}

export function statusJson({ outcomes }: StatusReport): unknown {
  return {
    schema: 'tako.status/1',
    ok: outcomes.every(({ kind }) => kind === 'ok'),
    servers: outcomes.map((outcome) =>
      outcome.kind === 'ok'
        ? { server: outcome.server, deployments: outcome.value }
        : { server: outcome.server, error: errorFacts(outcome.error) },
    ),
  };
}
