// What the data plane is told of a deployment: a pure function of the row, the manifest and the instances.
import type { Manifest } from '@tako/config';
import type { DeploymentPolicy, DeploymentTraffic, DeploymentView, InstanceView } from '@tako/proxy';
import type { DeploymentRecord } from '@tako/store';
import type { InstanceState } from '@tako/supervisor';

/** One instance as far as the view cares. */
export interface ViewMember {
  readonly id: string;
  readonly version: string;
  readonly port: number | null;
  /** What its build speaks. */
  readonly protocol: Manifest['upstream_protocol'];
  readonly state: InstanceState;
  /** Proven and put into rotation by its owner; a candidate of a rollout is not, until it was stable. */
  readonly inRotation: boolean;
  readonly retiring: boolean;
  /** All its failed probes since the last good one were time-outs. */
  readonly timeoutsOnly: boolean;
}

export interface ViewPause {
  readonly maxMs: number;
}

function instanceView(member: ViewMember): InstanceView[] {
  if (!member.inRotation || member.port === null) return [];
  const { id, version, port, protocol } = member;
  const base = { id, version, host: '127.0.0.1', port, ...(protocol === 'h2c' ? { protocol } : {}) };
  if (member.retiring || member.state === 'draining') return [{ ...base, rotation: 'draining' }];
  if (member.state === 'healthy') return [{ ...base, rotation: 'healthy' }];
  // Better slow than 503: the plane uses suspects only when nobody is healthy (spec 40, Probe).
  if (member.state === 'unhealthy' && member.timeoutsOnly) return [{ ...base, rotation: 'suspect' }];
  return [];
}

function policyOf(manifest: Manifest): DeploymentPolicy {
  return {
    httpsRedirect: manifest.https_redirect,
    hsts: manifest.hsts,
    bodyBytesMax: manifest.limits.body_bytes,
    requestsPerClientMax: manifest.limits.requests_per_ip,
    streamIdleMs: manifest.stream_idle_s * 1000,
    affinity: manifest.affinity,
  };
}

function trafficOf(record: DeploymentRecord, pause: ViewPause | null): DeploymentTraffic {
  if (record.stopped) return { kind: 'stopped' };
  if (record.maintenance) return { kind: 'maintenance' };
  if (pause !== null) return { kind: 'paused', maxMs: pause.maxMs };
  return record.instancesWanted === 0 ? { kind: 'onDemand' } : { kind: 'serving' };
}

export function deploymentView(facts: {
  readonly record: DeploymentRecord;
  readonly manifest: Manifest;
  readonly members: readonly ViewMember[];
  readonly pause: ViewPause | null;
}): DeploymentView {
  const { record, manifest } = facts;
  return {
    id: record.id,
    app: record.app,
    version: record.currentVersion,
    routes: record.routes,
    policy: policyOf(manifest),
    traffic: trafficOf(record, facts.pause),
    instances: facts.members.flatMap(instanceView),
  };
}
