// `status`: every build that runs at the moment with its instances, from the deployments and what the planes say.
import type {
  BuildStatus,
  CertificateStatus,
  DeploymentMode,
  DeploymentStatus,
  InstanceStatus,
} from '@tako/protocol';
import type { Deployment } from '../deployments/deployment.ts';
import type { Member } from '../deployments/member.ts';
import { hostCertificates } from '../issuer/index.ts';
import type { RolloutRun } from '../rollout/rollout-run.ts';
import type { Activity } from '../traffic/activity.ts';

async function instanceStatus(member: Member, activity: Activity): Promise<InstanceStatus> {
  const { instance } = member;
  const probe = instance.lastProbe;
  return {
    id: member.id,
    version: member.build.version,
    state: instance.state,
    pid: instance.identity?.pid ?? null,
    port: instance.port,
    startedAt: instance.startedAt,
    memoryBytes: await instance.memoryBytes(),
    inFlight: activity.instanceInFlight(instance.spec.deploymentId, member.id),
    lastProbe: probe === null ? null : { at: probe.at, ok: probe.ok, reason: probe.error?.message ?? null },
  };
}

function modeOf(deployment: Deployment): DeploymentMode {
  if (deployment.record.stopped) return 'stopped';
  if (deployment.record.maintenance) return 'maintenance';
  if (deployment.pausedForMs !== null) return 'paused';
  if (deployment.crashLoop) return 'crash_loop';
  return deployment.record.instancesWanted === 0 && deployment.members.length === 0 ? 'idle' : 'running';
}

/** null where nothing runs, or nothing could be measured. */
function sumOf(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0);
}

export async function deploymentStatus(
  deployment: Deployment,
  activity: Activity,
  around: { readonly rollout: RolloutRun | undefined; readonly certificates: readonly CertificateStatus[] },
): Promise<DeploymentStatus> {
  const { record } = deployment;
  const { rollout, certificates } = around;
  const instances = await Promise.all(deployment.members.map((member) => instanceStatus(member, activity)));
  const versions = [...new Set(instances.map((instance) => instance.version))];
  const builds: BuildStatus[] = versions.map((version) => ({
    version,
    current: version === record.currentVersion,
    instances: instances.filter((instance) => instance.version === version),
  }));
  const totals = activity.totals(deployment.id);
  return {
    deploymentId: deployment.id,
    app: record.app,
    env: record.env,
    version: record.currentVersion,
    mode: modeOf(deployment),
    instancesWanted: record.instancesWanted,
    routes: record.routes,
    builds,
    memoryBytes: sumOf(instances.map((instance) => instance.memoryBytes)),
    inFlight: totals.inFlight,
    requestsPerSecond: totals.requestsPerSecond,
    restartsLastMinute: deployment.restartsLastMinute,
    rollout:
      rollout === undefined
        ? null
        : { id: rollout.id, kind: rollout.kind, to: rollout.to, startedAt: rollout.startedAt },
    lastError: record.lastError,
    certificates: hostCertificates(record.routes, certificates, Date.now()),
  };
}
