// The rollout of a prepared release on one server, followed to its end. From here the server owns it (spec 30).
import type { Interruption } from '../cli/interruption.ts';
import type { Task } from '../output/task.ts';
import { followRollout, type RolloutEnd } from '../rollout/follow-rollout.ts';
import type { ServerFacts } from './check-server.ts';

export interface RollOutOptions {
  readonly deploymentId: string;
  readonly version: string;
  readonly routes: readonly string[];
  readonly secrets: Readonly<Record<string, string>> | undefined;
  readonly interruption: Interruption;
}

/** Errors: the rollout's own when it was reverted. */
export async function rollOutServer(
  facts: ServerFacts,
  options: RollOutOptions,
  task: Task,
): Promise<RolloutEnd> {
  const { session, lease } = facts;
  const { deploymentId, version, routes, secrets } = options;
  const input = {
    deploymentId,
    token: lease.token,
    version,
    routes: [...routes],
    ...(secrets === undefined ? {} : { secrets: { ...secrets } }),
  };
  return followRollout({
    session,
    deploymentId,
    task,
    interruption: options.interruption,
    open: (call) => session.client.api.deploy.mutate(input, call),
  });
}
