// What holds where tako.toml says nothing (the table of spec 10).

export const projectDefaults = Object.freeze({
  instances: 1,
  idleTimeoutS: 300,
  httpsRedirect: true,
  hsts: false,
  upstreamProtocol: 'http1',
  affinity: 'off',
  streamIdleS: 0,
  secretsExpose: 'fd3',
  health: Object.freeze({ interval_s: 1, timeout_s: 2, unhealthy_after: 1, dead_after: 5 }),
  rollout: Object.freeze({
    ready_timeout_s: 30,
    health_timeout_s: 30,
    stable_s: 2,
    drain_timeout_s: 30,
    stop_grace_s: 10,
  }),
  limits: Object.freeze({
    body_bytes: 128 * 1024 * 1024,
    memory: null,
    cpu: null,
    pids: null,
    requests_per_ip: 2048,
  }),
  cache: Object.freeze({ enabled: true }),
});

/** The probe path where none is written, by readiness. */
export const defaultHealthPath = Object.freeze({ sdk: '/status', http: '/' });
