// deploy, rollback, scale, restart, stop, start, delete, update_secrets, rollout, revert_rollout: input → change →
// run → its events. The run goes on when the caller leaves.
import type { CallContext, ManagementService, RolloutEvent } from '@tako/protocol';
import type { Store } from '@tako/store';
import type { DepartureDeps } from '../deployments/departure.ts';
import { deleteDeployment, stopDeployment } from '../deployments/departure.ts';
import type { DeploymentSet } from '../deployments/deployment-set.ts';
import type { Changes } from '../rollout/changes.ts';
import type { RolloutRun } from '../rollout/rollout-run.ts';
import type { RolloutRuns } from '../rollout/rollout-runs.ts';
import type { RolloutService } from '../rollout/rollout-service.ts';
import type { CallGuard } from './call-guard.ts';

export interface RolloutProcedureDeps {
  readonly guard: CallGuard;
  readonly store: Store;
  readonly deployments: DeploymentSet;
  readonly changes: Changes;
  readonly rollouts: RolloutService;
  readonly runs: RolloutRuns;
  readonly departure: DepartureDeps;
}

type RolloutProcedures = Pick<
  ManagementService,
  | 'deploy'
  | 'rollout'
  | 'revertRollout'
  | 'rollback'
  | 'scale'
  | 'restart'
  | 'stop'
  | 'start'
  | 'delete'
  | 'updateSecrets'
>;

function codeOf(last: RolloutEvent | undefined): string | null {
  return last?.type === 'rolledBack' ? last.code : null;
}

export function rolloutProcedures(deps: RolloutProcedureDeps): RolloutProcedures {
  const { guard, store, deployments, changes, rollouts, runs, departure } = deps;

  /** The locked call `procedure` as a stream of the run that `begin` makes. */
  const locked = (
    procedure: string,
    input: { deploymentId: string; token: string },
    context: CallContext,
    begin: () => Promise<RolloutRun> | RolloutRun,
  ): AsyncIterable<RolloutEvent> =>
    guard.stream(
      { procedure, context, deploymentId: input.deploymentId, token: input.token },
      async () => {
        rollouts.assertIdle(input.deploymentId);
        return (await begin()).events(context.signal);
      },
      codeOf,
    );

  return {
    deploy: (input, context) =>
      locked('deploy', input, context, async () => rollouts.begin(await changes.deploy(input))),

    rollback: (input, context) =>
      locked('rollback', input, context, async () =>
        rollouts.begin(await changes.rollback(deployments.get(input.deploymentId), input.version)),
      ),

    scale: (input, context) =>
      locked('scale', input, context, () => {
        const deployment = deployments.get(input.deploymentId);
        const same = deployment.record.instancesWanted === input.instances && !deployment.record.stopped;
        if (same)
          return rollouts.unchanged(
            deployment,
            'scale',
            `${deployment.id} has ${input.instances} instances already`,
          );
        return rollouts.begin(changes.scale(deployment, input.instances));
      }),

    restart: (input, context) =>
      locked('restart', input, context, () => {
        const deployment = deployments.get(input.deploymentId);
        if (deployment.record.stopped)
          return rollouts.unchanged(deployment, 'restart', `${deployment.id} is stopped`);
        if (deployment.record.instancesWanted === 0 && deployment.slots.length === 0) {
          return rollouts.unchanged(deployment, 'restart', `${deployment.id} is idle`);
        }
        return rollouts.begin(changes.restart(deployment));
      }),

    stop: (input, context) =>
      locked('stop', input, context, () => {
        const deployment = deployments.get(input.deploymentId);
        if (deployment.record.stopped)
          return rollouts.unchanged(deployment, 'stop', `${deployment.id} is stopped already`);
        return rollouts.beginPlain(deployment, 'stop', (run) => stopDeployment(deployment, run, store));
      }),

    start: (input, context) =>
      locked('start', input, context, () => {
        const deployment = deployments.get(input.deploymentId);
        if (!deployment.record.stopped)
          return rollouts.unchanged(deployment, 'start', `${deployment.id} is not stopped`);
        return rollouts.begin(changes.start(deployment));
      }),

    delete: (input, context) =>
      locked('delete', input, context, () => {
        const deployment = deployments.get(input.deploymentId);
        return rollouts.beginPlain(deployment, 'delete', (run) =>
          deleteDeployment(deployment, run, departure),
        );
      }),

    updateSecrets: (input, context) =>
      locked('update_secrets', input, context, async () => {
        const deployment = deployments.get(input.deploymentId);
        const change = await changes.secrets(deployment, input.secrets);
        return change === null
          ? rollouts.unchanged(deployment, 'secrets', 'the secrets are the same')
          : rollouts.begin(change);
      }),

    async *rollout(input, context) {
      yield* runs.get(input.rolloutId).events(context.signal);
    },

    revertRollout: (input, context) => {
      const run = runs.get(input.rolloutId);
      return guard.call({ procedure: 'revert_rollout', context, deploymentId: run.deploymentId }, async () =>
        run.revert(),
      );
    },
  };
}
