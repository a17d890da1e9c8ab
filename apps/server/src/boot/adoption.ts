// Takes over what runs: instances of an earlier daemon go back into their slots; what is dead, surplus or of a
// deployment that is gone is stopped and forgotten.
import { rm } from 'node:fs/promises';
import type { ReleaseRepository, Store } from '@tako/store';
import type { InstanceRecord } from '@tako/store';
import { isAlive, stopLeftover } from '@tako/supervisor';
import type { PartialLines } from '@tako/supervisor';
import type { Build } from '../deployments/build.ts';
import type { Deployment } from '../deployments/deployment.ts';
import type { DeploymentSet } from '../deployments/deployment-set.ts';
import { adoptionProbeMs, leftoverGraceMs } from '../limits.ts';
import type { Log } from '../log.ts';
import { withDeadline } from '../timing.ts';
import { planAdoption } from './adoption-plan.ts';

export interface AdoptionDeps {
  readonly store: Store;
  readonly deployments: DeploymentSet;
  /** What the daemon before had read of a line that was not complete yet, by instance. */
  readonly partials: ReadonlyMap<string, PartialLines>;
  readonly log: Log;
}

export interface AdoptionReport {
  readonly adopted: number;
  /** Resolves when everything that was not adopted is gone. */
  readonly stopped: Promise<void>;
}

function buildOf(releases: ReleaseRepository, record: InstanceRecord): Build | null {
  const release = releases.get(record.deploymentId, record.version);
  return release === undefined
    ? null
    : { version: record.version, manifest: release.manifest, secrets: 'current' };
}

/** Of a dead one, too: its FIFOs are there, and children may have outlived it. */
async function stopRecord(record: InstanceRecord, deps: AdoptionDeps): Promise<void> {
  if (isAlive(record)) {
    deps.log.warn(
      { app: record.deploymentId, instance: record.id, instancePid: record.pid },
      'left-over instance stopped',
    );
  }
  await stopLeftover({ identity: record, instanceId: record.id, runDir: record.runDir }, leftoverGraceMs);
  // Of one that died while nobody watched, the FIFOs are still there.
  await rm(record.runDir, { recursive: true, force: true });
  deps.store.instances.delete(record.id);
}

function adoptInto(
  deployment: Deployment,
  records: readonly InstanceRecord[],
  deps: AdoptionDeps,
): InstanceRecord[] {
  const without: InstanceRecord[] = [];
  for (const record of records) {
    const build = buildOf(deps.store.releases, record);
    if (build === null) without.push(record);
    else deployment.adopt(build, record, deps.partials.get(record.id) ?? { stdout: '', stderr: '' });
  }
  return without;
}

/**
 * Resolves when each adopted instance has answered a probe, or has had time to: the first snapshot of this daemon
 * must not take out what serves.
 */
export async function adoptInstances(deps: AdoptionDeps): Promise<AdoptionReport> {
  const records = deps.store.instances.list();
  const alive = records.filter((record) => isAlive(record));
  const stop = records.filter((record) => !alive.includes(record));
  const starts: Promise<unknown>[] = [];
  for (const id of new Set(alive.map((record) => record.deploymentId))) {
    const own = alive.filter((record) => record.deploymentId === id);
    const deployment = deps.deployments.find(id);
    if (deployment === undefined) {
      stop.push(...own);
      continue;
    }
    const plan = planAdoption(deployment.record, own);
    stop.push(...plan.stop, ...adoptInto(deployment, plan.adopt, deps));
    starts.push(...deployment.members.map((member) => member.instance.whenStarted));
  }
  const stopped = Promise.all(stop.map((record) => stopRecord(record, deps))).then(() => undefined);
  await withDeadline(Promise.all(starts), adoptionProbeMs, null);
  const adopted = starts.length;
  if (adopted > 0) deps.log.info({ instances: adopted, left: stop.length }, 'instances adopted');
  return { adopted, stopped };
}
