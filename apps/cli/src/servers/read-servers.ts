// What each server says of itself; one that cannot be reached is part of the answer. Knows no flags.
import type { DeploymentSummary, ServerIdentity } from '@tako/protocol';
import { errorFacts } from '../output/error-report.ts';
import type { Style } from '../output/style.ts';
import { formatBytes, formatDuration, sanitizeText } from '../output/text.ts';
import { onEachServer, type ServerOutcome } from './outcomes.ts';
import type { ServerSession } from './session.ts';

export interface ServerReport {
  readonly identity: ServerIdentity;
  readonly deployments: readonly DeploymentSummary[];
}

export async function readServers(
  servers: readonly { readonly name: string }[],
  open: (server: { readonly name: string }, signal: AbortSignal) => Promise<ServerSession>,
  signal: AbortSignal,
): Promise<ServerOutcome<ServerReport>[]> {
  const outcomes = await onEachServer(servers, async (server) => {
    await using session = await open(server, signal);
    const deployments = await session.call(({ api }) => api.list.query(undefined, { signal }));
    return { identity: session.client.server, deployments };
  });
  signal.throwIfAborted();
  return outcomes;
}

export function serversJson(outcomes: readonly ServerOutcome<ServerReport>[]): unknown {
  return {
    schema: 'tako.servers-status/1',
    ok: outcomes.every(({ kind }) => kind === 'ok'),
    servers: outcomes.map((outcome) =>
      outcome.kind === 'ok'
        ? { server: outcome.server, ...outcome.value }
        : { server: outcome.server, error: errorFacts(outcome.error) },
    ),
  };
}

export function serversText(outcomes: readonly ServerOutcome<ServerReport>[], style: Style): string {
  if (outcomes.length === 0) return 'no servers yet; add one: tako servers add user@host';
  return outcomes
    .map((outcome) => (outcome.kind === 'ok' ? reachable(outcome, style) : unreachable(outcome, style)))
    .join('\n');
}

function reachable({ server, value }: { server: string; value: ServerReport }, style: Style): string {
  const { identity, deployments } = value;
  const { machine } = identity;
  const apps = deployments.map((app) => `${app.deploymentId} ${app.version ?? '-'} (${app.instancesWanted})`);
  return [
    `${style.green('ok')} ${style.bold(server)}  tako-server ${identity.version}, protocol ${identity.protocol}, ${identity.mode}, up ${formatDuration(identity.uptimeMs)}`,
    `   ${machine.hostname}: ${machine.os}, ${machine.arch} ${machine.libc}, ${machine.cpus} cores, ${formatBytes(machine.memoryBytes)}, node ${machine.node}`,
    `   ${identity.workers.length} workers; http ${identity.ports.http.join(', ') || '-'}; https ${identity.ports.https.join(', ') || '-'}`,
    `   apps: ${apps.join(', ') || 'none'}`,
  ].join('\n');
}

function unreachable({ server, error }: { server: string; error: unknown }, style: Style): string {
  const { code, message, hint } = errorFacts(error);
  return [
    `${style.red('unreachable')} ${style.bold(server)}  ${sanitizeText(message)} (${code})`,
    ...(hint === null ? [] : [`   ${sanitizeText(hint)}`]),
  ].join('\n');
}
