// How the in-memory service of the tests describes itself.
import type { LogEvent } from '../schemas/operations.ts';
import type { ReleaseSummary } from '../schemas/release.ts';
import type { DeploymentStatus, ServerIdentity } from '../schemas/status.ts';

export interface MemoryDeployment {
  readonly id: string;
  version: string;
  instances: number;
  secrets: Readonly<Record<string, string>>;
  readonly lines: LogEvent[];
  readonly releases: string[];
  routes: string[];
}

export function identity(protocol: number): ServerIdentity {
  return {
    pid: process.pid,
    version: '0.1.0',
    protocol,
    mode: 'normal',
    lastReload: null,
    uptimeMs: 1,
    startedAt: 1,
    workers: [],
    ports: { http: [], https: [], metrics: [] },
    dataDir: '/nowhere',
    acme: 'off',
    standby: false,
    machine: {
      hostname: 'test',
      arch: 'x64',
      libc: 'glibc',
      cpus: 1,
      memoryBytes: 1,
      os: 'linux',
      node: process.version,
    },
  };
}

export function deploymentStatus(app: MemoryDeployment): DeploymentStatus {
  return {
    deploymentId: app.id,
    app: app.id,
    env: 'production',
    version: app.version,
    mode: app.instances === 0 ? 'stopped' : 'running',
    instancesWanted: app.instances,
    routes: app.routes,
    builds: [],
    memoryBytes: null,
    inFlight: 0,
    requestsPerSecond: 0,
    restartsLastMinute: 0,
    certificates: [],
    rollout: null,
    lastError: null,
  };
}

export function releaseSummary(version: string): ReleaseSummary {
  return {
    version,
    state: 'good',
    current: false,
    sha256: '0'.repeat(64),
    preparedAt: 1,
    deployedAt: null,
    commit: null,
    commitMessage: null,
    dirty: false,
    manifestSha256: '0'.repeat(64),
  };
}
