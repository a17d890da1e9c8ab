// Which running instances of a deployment a new daemon takes over and which it stops. Pure.
import type { DeploymentRecord, InstanceRecord } from '@tako/store';

export interface AdoptionPlan {
  /** One per slot, in slot order: those of the current release first, then the oldest of another. */
  readonly adopt: readonly InstanceRecord[];
  /** More than are wanted: candidates of a rollout that a crash ended, say. */
  readonly stop: readonly InstanceRecord[];
}

function slotsOf(record: DeploymentRecord): number {
  if (record.stopped || record.currentVersion === null) return 0;
  // An on-demand app that was awake stays so until its idle time is over.
  return record.instancesWanted === 0 ? 1 : record.instancesWanted;
}

/** `alive`: the deployment's records whose process still is the one. */
export function planAdoption(record: DeploymentRecord, alive: readonly InstanceRecord[]): AdoptionPlan {
  const current = (instance: InstanceRecord): number => (instance.version === record.currentVersion ? 0 : 1);
  const ordered = alive.toSorted((a, b) => current(a) - current(b) || a.startedAt - b.startedAt);
  // One that never told its port is not serving anybody.
  const ready = ordered.filter((instance) => instance.port !== null);
  const adopt = ready.slice(0, slotsOf(record));
  return { adopt, stop: ordered.filter((instance) => !adopt.includes(instance)) };
}
