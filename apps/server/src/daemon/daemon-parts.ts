// The parts of a daemon and how they know one another. Construction only: nothing runs yet.
import type { Store } from '@tako/store';
import { PortAllocator } from '@tako/supervisor';
import type { DeploymentSet } from '../deployments/deployment-set.ts';
import { InstanceStarter } from '../deployments/instance-starter.ts';
import { Waker } from '../deployments/waker.ts';
import type { Issuer } from '../issuer/index.ts';
import type { ListeningSockets } from '../listeners/listening-sockets.ts';
import { ServerEvents } from '../management/server-events.ts';
import type { MetricsTotals } from '../metrics/metrics-totals.ts';
import { Changes } from '../rollout/changes.ts';
import { RolloutRuns } from '../rollout/rollout-runs.ts';
import { RolloutService } from '../rollout/rollout-service.ts';
import { startInProcessPlane } from '../workers/in-process-plane.ts';
import type { WorkerArguments } from '../workers/worker-arguments.ts';
import { WorkerStarter } from '../workers/worker-starter.ts';
import { createTrafficSwitches } from '../traffic/traffic-switches.ts';
import { AppLogs } from './app-logs.ts';
import { DataPlanes } from './data-planes.ts';
import type { DaemonSpec } from './daemon-spec.ts';
import { workerCount } from './daemon-spec.ts';
import { createDeploymentSet } from './deployment-wiring.ts';
import { openReleaseSide } from './release-side.ts';
import type { ReleaseSide } from './release-side.ts';

export interface DaemonParts {
  readonly store: Store;
  readonly planes: DataPlanes;
  readonly metrics: MetricsTotals;
  readonly workerStarter: WorkerStarter;
  readonly deployments: DeploymentSet;
  readonly releaseSide: ReleaseSide;
  readonly rollouts: RolloutService;
  readonly runs: RolloutRuns;
  readonly changes: Changes;
  readonly waker: Waker;
  readonly events: ServerEvents;
  readonly appLogs: AppLogs;
  readonly publishCertificates: () => Promise<void>;
  /** Empty until the workers serve. */
  readonly issuing: { issuer: Issuer | null };
}

export interface PartsSpec extends DaemonSpec {
  readonly runDir: string;
  readonly sockets: ListeningSockets;
  readonly store: Store;
  readonly metrics: MetricsTotals;
  /** One more than that of the workers found at boot. */
  readonly generation: number;
}

/** The data plane's own options: equal for workers and for a plane inside this process. */
function planeOptions({ options }: PartsSpec): WorkerArguments['plane'] {
  return {
    maxConnections: options.maxConnections,
    trustedProxies: options.trustedProxy,
    proxyProtocol: options.proxyProtocol,
    accessLog: options.accessLog,
    workers: Math.max(1, workerCount(options.workers)),
    lanes: options.lanes,
    h2c: options.h2c,
  };
}

/** What bin/tako-server sets for a process that idles; a worker allocates for every request, and has V8's own limits. */
const isForControlProcess = (argument: string): boolean =>
  argument === '--expose-gc' || /^--(?:max-semi-space-size|v8-pool-size)=/.test(argument);

function createWorkerStarter(spec: PartsSpec): WorkerStarter {
  const { options, sockets, runDir, program, workerScript: script } = spec;
  return new WorkerStarter({
    program,
    programArguments: process.execArgv.filter((argument) => !isForControlProcess(argument)),
    script,
    sockets,
    arguments: {
      runDir,
      generation: spec.generation,
      plane: planeOptions(spec),
      drainMs: options.drainTimeoutMs,
      logLevel: options.logLevel,
    },
  });
}

/** What a worker saw on the way of a request is a reason to probe. */
function suspectInstance(deployments: DeploymentSet, instance: string, reason: string): void {
  for (const { members } of deployments.all)
    members.find((member) => member.id === instance)?.instance.suspect(`a worker saw it: ${reason}`);
}

export async function createDaemonParts(spec: PartsSpec): Promise<DaemonParts> {
  const { options, store, log, runDir } = spec;
  const { dataDir } = options;
  const events = new ServerEvents();
  const issuing: DaemonParts['issuing'] = { issuer: null };
  const appLogs = new AppLogs(dataDir, log);
  const runs = new RolloutRuns();
  const switches = createTrafficSwitches(store.state);
  const releaseSide = await openReleaseSide({
    dataDir,
    store,
    log,
    environment: spec.environment,
    inUse: (id) => new Set(deployments.find(id)?.members.map((member) => member.build.version)),
  });
  const ports = new PortAllocator({ firstPort: options.instancePortBase + options.instancePortOffset });
  const starter = new InstanceStarter({
    dataDir,
    runDir,
    instances: store.instances,
    ports,
    resolveCommand: (manifest, releaseDir) => releaseSide.runtimes.resolveCommand(manifest, releaseDir),
    secrets: (id, which) => releaseSide.vault.read(id, which),
    instanceToken: (id) => releaseSide.vault.instanceToken(id),
    runAs: releaseSide.runAs,
  });
  const workerStarter = createWorkerStarter(spec);
  const count = workerCount(options.workers);
  const planes: DataPlanes = new DataPlanes({
    size: Math.max(1, count),
    switches,
    metrics: spec.metrics,
    log,
    start: (hooks) =>
      count === 0
        ? startInProcessPlane({
            sockets: spec.sockets,
            plane: planeOptions(spec),
            hooks,
            drainMs: options.drainTimeoutMs,
            log,
          })
        : workerStarter.start(hooks),
    onWake: (id) => {
      const deployment = deployments.find(id);
      if (deployment !== undefined && deployment.record.currentVersion !== null)
        void waker.wake(deployment, changes.current(deployment));
    },
    onFailed: (instance, reason) => suspectInstance(deployments, instance, reason),
  });
  const deployments: DeploymentSet = createDeploymentSet({
    store,
    starter,
    ports,
    planes,
    appLogs,
    events,
    switches,
    log,
  });
  const waker = new Waker({
    send: (message) => planes.send(message),
    totals: (id) => planes.activity.totals(id),
    busy: (id) => runs.running(id) !== undefined,
    coldStart: (id, outcome, durationMs) => spec.metrics.coldStart(id, outcome, durationMs),
    log,
    now: Date.now,
  });
  const changes = new Changes({
    store,
    deployments,
    files: releaseSide.releases,
    vault: releaseSide.vault,
    routesChanged: () => issuing.issuer?.refresh(),
    now: Date.now,
  });
  return {
    store,
    planes,
    metrics: spec.metrics,
    workerStarter,
    deployments,
    releaseSide,
    rollouts: new RolloutService(store, runs, log),
    runs,
    changes,
    waker,
    events,
    appLogs,
    issuing,
    publishCertificates: async () => {
      const { publisher } = planes;
      await publisher.acknowledged(publisher.publishCertificates(await releaseSide.certificates.views()));
    },
  };
}
