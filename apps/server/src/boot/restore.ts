// Brings back what the state says should run, behind READY: a few at a time, an error in one recorded on it and
// delaying nobody else.
import type { DeploymentRecord, Store } from '@tako/store';
import type { Deployment } from '../deployments/deployment.ts';
import type { DeploymentSet } from '../deployments/deployment-set.ts';
import { restoreConcurrency } from '../limits.ts';
import type { Log } from '../log.ts';

export interface RestoreDeps {
  readonly store: Store;
  readonly deployments: DeploymentSet;
  /** Files that follow the rows: `current`, `secrets.json`. */
  readonly reconcile: (record: DeploymentRecord) => Promise<void>;
  readonly log: Log;
}

/** Rows → deployments without instances yet; what was under way is marked interrupted. */
export async function loadDeployments(deps: RestoreDeps): Promise<Deployment[]> {
  const { store, log } = deps;
  for (const rollout of store.rollouts.running()) {
    log.warn(
      { app: rollout.deploymentId, rollout: rollout.id, kind: rollout.kind },
      'rollout was interrupted by a crash',
    );
    store.rollouts.put({
      ...rollout,
      state: 'interrupted',
      endedAt: Date.now(),
      result: { reason: 'the daemon died' },
    });
  }
  const loaded: Deployment[] = [];
  for (const record of store.deployments.list()) {
    const release =
      record.currentVersion === null ? undefined : store.releases.get(record.id, record.currentVersion);
    if (release === undefined) {
      log.error({ app: record.id, release: record.currentVersion }, 'release of a deployment is missing');
      continue;
    }
    await deps.reconcile(record);
    loaded.push(deps.deployments.create(record, release.manifest));
  }
  return loaded;
}

/** Resolves when each had its first try. Never rejects. */
export async function restoreDeployments(
  deployments: readonly Deployment[],
  deps: { log: Log; finishRevert: (deployment: Deployment) => void },
): Promise<void> {
  const { log } = deps;
  const queue = deployments.filter(({ record }) => !record.stopped && record.instancesWanted > 0);
  const next = async (): Promise<void> => {
    for (let deployment = queue.shift(); deployment !== undefined; deployment = queue.shift()) {
      const { manifest, record } = deployment;
      const build = { version: record.currentVersion ?? '', manifest, secrets: 'current' as const };
      const missing = Math.max(0, record.instancesWanted - deployment.slots.length);
      const slots = Array.from({ length: missing }, () => deployment.addSlot(build));
      await Promise.all(slots.map((slot) => slot.repair(0)));
      if (missing > 0)
        log.info({ app: deployment.id, release: build.version, instances: missing }, 'deployment restored');
      if (deployment.slots.some((slot) => slot.build.version !== build.version))
        deps.finishRevert(deployment);
    }
  };
  await Promise.all(Array.from({ length: restoreConcurrency }, next));
}
