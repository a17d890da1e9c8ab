// Stop and delete: the two changes that start nothing. The row first, so that a crash in between does not bring
// back what was stopped; then the traffic, then the processes.
import type { RolloutEvent } from '@tako/protocol';
import type { Store } from '@tako/store';
import type { RolloutRun } from '../rollout/rollout-run.ts';
import type { DrainReport } from '../traffic/drainer.ts';
import type { Deployment } from './deployment.ts';
import type { DeploymentSet } from './deployment-set.ts';

export interface DepartureDeps {
  readonly store: Store;
  readonly deployments: DeploymentSet;
  /** Secrets first, then everything else of the app on the disk. */
  readonly removeFiles: (deploymentId: string) => Promise<void>;
  readonly forget: (deploymentId: string) => void;
}

async function retireAll(deployment: Deployment, run: RolloutRun, reason: string): Promise<DrainReport[]> {
  const members = deployment.slots.flatMap((slot) => (slot.member === null ? [] : [slot.member]));
  for (const slot of deployment.slots) {
    slot.cancelRepair();
    slot.member = null;
    deployment.removeSlot(slot);
  }
  return Promise.all(
    members.map(async (member) => {
      const report = await deployment.retire(member, reason);
      run.emit({ type: 'drained', instance: member.id, ...report });
      return report;
    }),
  );
}

function ended(run: RolloutRun, deployment: Deployment, reports: readonly DrainReport[]): RolloutEvent {
  return {
    type: 'deployed',
    rolloutId: run.id,
    version: deployment.record.currentVersion,
    urls: [],
    instances: 0,
    endedStreams: reports.reduce((sum, report) => sum + report.endedStreams, 0),
    cutConnections: reports.reduce((sum, report) => sum + report.cutConnections, 0),
    durationMs: Date.now() - run.startedAt,
  };
}

/** New requests get 503 from now on; what is in flight finishes. */
export async function stopDeployment(
  deployment: Deployment,
  run: RolloutRun,
  store: Store,
): Promise<RolloutEvent> {
  deployment.record = { ...deployment.record, stopped: true, updatedAt: Date.now() };
  store.deployments.put(deployment.record);
  await deployment.publishAcknowledged();
  return ended(run, deployment, await retireAll(deployment, run, 'stopped'));
}

export async function deleteDeployment(
  deployment: Deployment,
  run: RolloutRun,
  deps: DepartureDeps,
): Promise<RolloutEvent> {
  await stopDeployment(deployment, run, deps.store);
  await deployment.remove();
  await deployment.stopAll('deleted');
  deps.deployments.delete(deployment.id);
  deps.store.deployments.delete(deployment.id);
  await deps.removeFiles(deployment.id);
  deps.forget(deployment.id);
  return ended(run, deployment, []);
}
