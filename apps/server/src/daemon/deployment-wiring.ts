// Gives each deployment what it may use: the starter, the planes, the logs, the port book, the event stream.
import type { PortAllocator } from '@tako/supervisor';
import type { Store } from '@tako/store';
import type { DeploymentDeps } from '../deployments/deployment.ts';
import { DeploymentSet } from '../deployments/deployment-set.ts';
import type { InstanceStarter } from '../deployments/instance-starter.ts';
import type { Log } from '../log.ts';
import type { ServerEvents } from '../management/server-events.ts';
import type { TrafficSwitches } from '../traffic/traffic-switches.ts';
import type { AppLogs } from './app-logs.ts';
import type { DataPlanes } from './data-planes.ts';

export interface DeploymentWiring {
  readonly store: Store;
  readonly starter: InstanceStarter;
  readonly ports: PortAllocator;
  readonly planes: DataPlanes;
  readonly appLogs: AppLogs;
  readonly events: ServerEvents;
  readonly switches: TrafficSwitches;
  readonly log: Log;
}

export function createDeploymentSet(wiring: DeploymentWiring): DeploymentSet {
  const { store, planes, appLogs, events, ports, switches } = wiring;

  const depsFor = (id: string): DeploymentDeps => ({
    starter: wiring.starter,
    publisher: planes.publisher,
    drainer: planes.drainer,
    appLog: { write: (line, instance, version) => appLogs.write(id, line, instance, version) },
    keepStartOutput: (version, output) => void appLogs.keepStartOutput(id, version, output.lines),
    pause: { get: () => switches.pausedForMs(id), set: (maxMs) => switches.setPause(id, maxMs) },
    releasePort: (port, acknowledged) => {
      ports.release(port);
      void acknowledged.then(() => ports.confirmForgotten(port));
    },
    recordError: (code, message) => {
      const deployment = set.find(id);
      if (deployment === undefined || deployment.record.currentVersion === null) return;
      deployment.record = { ...deployment.record, lastError: { at: Date.now(), code, message } };
      store.deployments.put(deployment.record);
    },
    event: (type, facts) => events.emit(type, id, facts),
    log: wiring.log,
  });

  const set = new DeploymentSet(depsFor);
  return set;
}
