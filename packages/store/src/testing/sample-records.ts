// Records for tests, each complete, with what the test cares about laid over it.
import type { Manifest } from '@tako/config';
import type {
  DeploymentRecord,
  InstanceRecord,
  LeaseRecord,
  ReleaseRecord,
  RolloutRecord,
} from '../records.ts';

export const sampleManifest: Manifest = {
  schema: 1,
  app: 'shop',
  env: 'production',
  version: 'v1',
  runtime: 'node',
  runtime_version: null,
  main: 'server.js',
  start: ['node', 'server.js'],
  readiness: 'http',
  health_path: '/',
  env_vars: { GREETING: 'hello' },
  secret_names: [],
  secrets_expose: 'fd3',
  idle_timeout_s: 300,
  instances: 1,
  processes: [],
  release_command: null,
  health: { interval_s: 1, timeout_s: 2, unhealthy_after: 1, dead_after: 5 },
  rollout: { ready_timeout_s: 30, health_timeout_s: 30, stable_s: 2, drain_timeout_s: 30, stop_grace_s: 10 },
  limits: { body_bytes: 134_217_728, memory: null, cpu: null, pids: null, requests_per_ip: 2048 },
  cache: { enabled: true },
  https_redirect: true,
  hsts: false,
  upstream_protocol: 'http1',
  affinity: 'off',
  stream_idle_s: 0,
  app_dir: '.',
  install_dir: '.',
  package_manager: 'npm',
  commit: null,
  commit_message: null,
  dirty: false,
  built_at: '2026-11-21T02:02:47.000Z',
};

export const sampleDeployment = (over: Partial<DeploymentRecord> = {}): DeploymentRecord => ({
  id: 'shop',
  app: 'shop',
  env: 'production',
  currentVersion: 'v1',
  previousVersion: null,
  instancesWanted: 2,
  stopped: false,
  maintenance: true,
  routes: ['shop.example.com', 'example.com/shop/*'],
  secretsDigest: 'd'.repeat(64),
  secretNames: ['DATABASE_URL'],
  lastError: { at: 5, code: 'ROLLOUT_FAILED', message: 'it did not start' },
  createdAt: 1,
  updatedAt: 2,
  ...over,
});

export const sampleRelease = (over: Partial<ReleaseRecord> = {}): ReleaseRecord => ({
  deploymentId: 'shop',
  version: 'v1',
  sha256: 'a'.repeat(64),
  manifest: sampleManifest,
  state: 'prepared',
  preparedAt: 10,
  deployedAt: null,
  ...over,
});

export const sampleInstance = (over: Partial<InstanceRecord> = {}): InstanceRecord => ({
  id: 'shop-00000001',
  deploymentId: 'shop',
  version: 'v1',
  pid: 4711,
  startTimeTicks: 123_456,
  bootId: 'b6f8c5a0-0000-4000-8000-000000000000',
  port: 3000,
  runDir: '/run/tako/instances/shop-00000001',
  startedAt: 20,
  ...over,
});

export const sampleRollout = (over: Partial<RolloutRecord> = {}): RolloutRecord => ({
  id: 'r-1',
  deploymentId: 'shop',
  kind: 'deploy',
  plan: { to: 'v1', steps: [1, 2] },
  state: 'running',
  startedAt: 30,
  endedAt: null,
  result: null,
  ...over,
});

export const sampleLease = (over: Partial<LeaseRecord> = {}): LeaseRecord => ({
  name: 'deployment:shop',
  token: 'token-one-0123456789',
  owner: { user: 'ann', host: 'laptop' },
  acquiredAt: 1000,
  expiresAt: 2000,
  ...over,
});
