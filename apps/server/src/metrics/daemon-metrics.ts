// The metrics of one daemon while it supervises: served to scrapers where there is a listener, saved for the daemon
// after it. Gathers what the families need from those who know it.
import { hostname } from 'node:os';
import type { DeploymentSet } from '../deployments/deployment-set.ts';
import type { Activity } from '../traffic/activity.ts';
import type { ControlSockets } from '../listeners/control-sockets.ts';
import type { Log } from '../log.ts';
import type { CertificateFacts } from './certificate-families.ts';
import { formatExposition } from './exposition.ts';
import { metricFamilies } from './families.ts';
import type { DeploymentFacts } from './families.ts';
import { startMetricsServer } from './metrics-server.ts';
import type { MetricsTotals } from './metrics-totals.ts';
import { readProcessFigures, WorkerFigures } from './process-figures.ts';
import { keepTotals } from './saved-metrics.ts';

export interface DaemonMetricsSpec {
  readonly totals: MetricsTotals;
  readonly deployments: DeploymentSet;
  readonly activity: Activity;
  /** Pids; that of this very process where it serves itself. */
  readonly workers: () => readonly number[];
  /** What the server has and waits for, at the moment of the call. */
  readonly certificates: () => CertificateFacts;
  readonly control: ControlSockets;
  readonly version: string;
  readonly runDir: string;
  readonly log: Log;
}

const readyStates: ReadonlySet<string> = new Set(['ready', 'healthy', 'unhealthy', 'draining']);

function deploymentFacts({ deployments, activity }: DaemonMetricsSpec): DeploymentFacts[] {
  return deployments.all.map((deployment) => ({
    id: deployment.id,
    instancesWanted: deployment.record.stopped ? 0 : deployment.record.instancesWanted,
    inFlight: activity.totals(deployment.id).inFlight,
    instances: deployment.members.map(({ id, instance: { state } }) => ({
      id,
      running: readyStates.has(state),
      healthy: state === 'healthy',
    })),
  }));
}

function createText(spec: DaemonMetricsSpec): () => string {
  const workerFigures = new WorkerFigures();
  const server = hostname();
  return () => {
    const deployments = deploymentFacts(spec);
    spec.totals.keepOnly(new Set(deployments.map(({ id }) => id)));
    const workers = spec.workers().filter((pid) => pid !== process.pid);
    const control = readProcessFigures(process.pid);
    if (control === null) throw new Error('/proc does not show this process');
    return formatExposition(
      metricFamilies(spec.totals, {
        server,
        version: spec.version,
        deployments,
        workersRunning: workers.length,
        certificates: spec.certificates(),
        processes: { control, workers: workerFigures.read(workers) },
        startedAtSeconds: performance.timeOrigin / 1_000,
      }),
    );
  };
}

/**
 * Closing it (idempotent) ends the answers first: those of two daemons in turn would look like counters that fall. Who
 * asks meanwhile waits in the socket's queue for the next daemon.
 */
export async function startDaemonMetrics(spec: DaemonMetricsSpec): Promise<AsyncDisposable> {
  const { totals, control, runDir, log } = spec;
  const keeping = keepTotals(totals, runDir, log);
  const text = createText(spec);
  const server = await startMetricsServer({
    fds: control.duplicates('metrics'),
    text: async () => {
      const shown = text();
      await keeping.save();
      return shown;
    },
    log,
  });
  let closing: Promise<void> | null = null;
  const close = async (): Promise<void> => {
    await server[Symbol.asyncDispose]();
    await keeping.close();
  };
  return { [Symbol.asyncDispose]: () => (closing ??= close()) };
}
