// A manifest for tests, parsed by the real schema, with what a test wants changed.
import { parseManifest } from '@tako/config';
import type { Manifest } from '@tako/config';

export function testManifest(change: Partial<Record<keyof Manifest, unknown>> = {}): Manifest {
  return parseManifest({
    schema: 1,
    app: 'web',
    env: 'production',
    version: 'v1',
    runtime: 'node',
    runtime_version: null,
    main: 'index.js',
    start: ['node', 'index.js'],
    readiness: 'http',
    health_path: '/',
    env_vars: {},
    secret_names: [],
    secrets_expose: 'fd3',
    idle_timeout_s: 300,
    instances: 1,
    processes: [],
    release_command: null,
    health: { interval_s: 1, timeout_s: 2, unhealthy_after: 1, dead_after: 5 },
    rollout: {
      ready_timeout_s: 30,
      health_timeout_s: 30,
      stable_s: 2,
      drain_timeout_s: 30,
      stop_grace_s: 10,
    },
    limits: { body_bytes: 134_217_728, memory: null, cpu: null, pids: null, requests_per_ip: 2048 },
    cache: { enabled: true },
    https_redirect: true,
    hsts: false,
    upstream_protocol: 'http1',
    affinity: 'off',
    stream_idle_s: 0,
    app_dir: '.',
    install_dir: '.',
    package_manager: null,
    commit: null,
    commit_message: null,
    dirty: false,
    built_at: '2026-01-01T00:00:00.000Z',
    ...change,
  });
}
