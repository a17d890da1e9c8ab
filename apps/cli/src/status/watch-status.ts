// The status of every server, again and again: one connection each, kept; one that breaks is part of the report and made
// again. Draws nothing.
import type { DeploymentStatus } from '@tako/protocol';
import { setTimeout as delay } from 'node:timers/promises';
import { limits } from '../limits.ts';
import type { ServerOutcome } from '../servers/outcomes.ts';
import { isConnectionError, type ServerSession } from '../servers/session.ts';
import {
  readServerStatus,
  requireServers,
  type OpenSession,
  type StatusReport,
  type StatusScope,
} from './read-status.ts';

export interface WatchContext {
  readonly open: OpenSession;
  readonly signal: AbortSignal;
  readonly intervalMs: number;
  /** Called when every server has been asked once, then after each answer. */
  readonly onReport: (report: StatusReport) => void;
}

type Outcome = ServerOutcome<readonly DeploymentStatus[]>;

/** Ends with the signal. Errors: SERVERS_NOT_CHOSEN. */
export async function watchStatus(scope: StatusScope, context: WatchContext): Promise<void> {
  requireServers(scope);
  const outcomes = new Map<string, Outcome>();
  const report = (outcome: Outcome): void => {
    if (context.signal.aborted) return;
    outcomes.set(outcome.server, outcome);
    if (outcomes.size < scope.servers.length) return;
    context.onReport({ scope, outcomes: scope.servers.flatMap(({ name }) => outcomes.get(name) ?? []) });
  };
  await Promise.all(scope.servers.map((server) => watchServer(server, scope, { ...context, report })));
}

async function watchServer(
  { name }: { readonly name: string },
  scope: StatusScope,
  context: WatchContext & { report: (outcome: Outcome) => void },
): Promise<void> {
  const { signal, report } = context;
  await using cleanup = new AsyncDisposableStack();
  let session: ServerSession | null = null;
  for (let failures = 0; !signal.aborted;) {
    try {
      session ??= cleanup.use(await context.open({ name }, signal));
      if (session.lost.aborted) await session.reconnect(signal);
      report({ kind: 'ok', server: name, value: await readServerStatus(session, scope, signal) });
      failures = 0;
    } catch (error) {
      if (signal.aborted) return;
      report({ kind: 'failed', server: name, error });
      // A refused key will not be accepted by asking again, and again may mean a ban.
      failures += isConnectionError(error) ? 1 : limits.watchBackoffMax;
    }
    const pauseMs = context.intervalMs * 2 ** Math.min(failures, limits.watchBackoffMax);
    await delay(pauseMs, undefined, { signal }).catch(() => undefined);
  }
}

/** What a person wants to hear of in a log: everything but the numbers that always change. */
export function statusFingerprint({ outcomes }: StatusReport): string {
  return JSON.stringify(
    outcomes.map((outcome) =>
      outcome.kind === 'failed'
        ? [outcome.server, String(outcome.error)]
        : [outcome.server, ...outcome.value.map(appFingerprint)],
    ),
  );
}

function appFingerprint(status: DeploymentStatus): unknown {
  return [
    status.deploymentId,
    status.mode,
    status.version,
    status.instancesWanted,
    status.routes,
    status.rollout?.id,
    status.lastError?.at,
    status.builds.map(({ version, instances }) => [version, instances.map(({ id, state }) => [id, state])]),
    status.certificates.map(({ host, state, lastError, notAfter }) => [host, state, lastError, notAfter]),
  ];
}
