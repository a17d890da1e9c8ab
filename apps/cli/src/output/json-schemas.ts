// What each command prints under --json: the documented, versioned shapes (docs/json.md). Within a version fields are only
// added. Tests hold every command to them; commands themselves never load this.
import { z } from 'zod';
import { deployJsonSchema } from './deploy-json-schema.ts';

const timeMs = z.number().int().nonnegative();
const names = z.array(z.string());
const instanceState = z.enum(['starting', 'ready', 'healthy', 'unhealthy', 'draining', 'stopped']);

const errorFacts = z.strictObject({
  code: z.string(),
  message: z.string(),
  hint: z.string().nullable(),
  details: z.record(z.string(), z.unknown()).optional(),
});

/** Of every command that fails: instead of its own value, or as the last line of a stream. */
export const errorSchema = z.strictObject({ ok: z.literal(false), error: errorFacts });

const deployed = z.strictObject({
  server: z.string(),
  outcome: z.literal('deployed'),
  rolloutId: z.string(),
  version: z.string().nullable(),
  instances: z.number().int(),
  endedStreams: z.number().int(),
  cutConnections: z.number().int(),
  durationMs: z.number(),
});
const unchanged = z.strictObject({
  server: z.string(),
  outcome: z.literal('unchanged'),
  reason: z.string(),
});
const serverEnds = z.array(z.discriminatedUnion('outcome', [deployed, unchanged]));

const app = { deploymentId: z.string(), app: z.string(), env: z.string() };
const change = { ok: z.literal(true), ...app, servers: serverEnds };
const switched = { ok: z.literal(true), ...app, servers: names };

const certificateFacts = {
  state: z.enum(['valid', 'expiring', 'expired', 'failing', 'pending', 'unused', 'self-signed']),
  source: z.enum(['custom', 'acme', 'self-signed']),
  issuer: z.string().nullable(),
  notAfter: timeMs.nullable(),
  lastError: z.string().nullable(),
  nextTryAt: timeMs.nullable(),
};
const certificate = z.strictObject({ names, ...certificateFacts });

const instance = z.strictObject({
  id: z.string(),
  version: z.string(),
  state: instanceState,
  pid: z.number().int().nullable(),
  port: z.number().int().nullable(),
  startedAt: timeMs,
  memoryBytes: z.number().nullable(),
  inFlight: z.number().int(),
  lastProbe: z.strictObject({ at: timeMs, ok: z.boolean(), reason: z.string().nullable() }).nullable(),
});

const deployment = z.looseObject({
  ...app,
  version: z.string().nullable(),
  mode: z.enum(['running', 'idle', 'stopped', 'crash_loop', 'paused', 'maintenance']),
  instancesWanted: z.number().int(),
  routes: names,
  builds: z.array(
    z.strictObject({ version: z.string(), current: z.boolean(), instances: z.array(instance) }),
  ),
  inFlight: z.number().int(),
  requestsPerSecond: z.number(),
  restartsLastMinute: z.number().int(),
  rollout: z
    .strictObject({ id: z.string(), kind: z.string(), to: z.string().nullable(), startedAt: timeMs })
    .nullable(),
  lastError: z.strictObject({ at: timeMs, code: z.string(), message: z.string() }).nullable(),
  certificates: z.array(z.strictObject({ host: z.string(), ...certificateFacts })),
});

const identity = z.looseObject({
  pid: z.number().int(),
  version: z.string(),
  protocol: z.number().int(),
  mode: z.enum(['normal', 'upgrading', 'stopping']),
  uptimeMs: z.number(),
  startedAt: timeMs,
  dataDir: z.string(),
});

const unreachable = z.strictObject({ server: z.string(), error: errorFacts.required({ details: true }) });

const release = z.strictObject({
  version: z.string(),
  state: z.enum(['prepared', 'good', 'failed']),
  current: z.boolean(),
  sha256: z.string(),
  manifestSha256: z.string(),
  preparedAt: timeMs,
  deployedAt: timeMs.nullable(),
  commit: z.string().nullable(),
  commitMessage: z.string().nullable(),
  dirty: z.boolean(),
});

const logPlace = { server: z.string(), position: z.number().int(), at: timeMs };
const logEntry = z.strictObject({
  schema: z.literal('tako.log/1'),
  type: z.literal('entry'),
  ...logPlace,
  stream: z.enum(['stdout', 'stderr', 'tako']),
  instance: z.string(),
  version: z.string(),
  text: z.string(),
});
const logGap = z.strictObject({
  schema: z.literal('tako.log/1'),
  type: z.literal('skipped'),
  ...logPlace,
  lines: z.number().int().nullable(),
});

const inventoryServer = z.looseObject({ name: z.string(), host: z.string() });
const controlled = z.array(
  z.strictObject({ server: z.string(), pid: z.number().int(), version: z.string() }),
);

const value = <T extends z.ZodRawShape>(schema: string, shape: T) =>
  z.strictObject({ schema: z.literal(schema), ...shape });
const env = z.string();
const ok = z.literal(true);

/** By the command's words; those of one command that prints one of several shapes are a union. */
export const jsonSchemas: Readonly<Record<string, z.ZodType>> = Object.freeze({
  autocomplete: value('tako.autocomplete/1', {
    ok,
    shell: z.enum(['bash', 'fish', 'zsh']),
    script: z.string(),
  }),
  deploy: deployJsonSchema(serverEnds),
  init: value('tako.init/1', { ok, written: names, project: z.record(z.string(), z.unknown()) }),
  'certificates add': value('tako.certificates-add/1', {
    ok,
    names,
    issuer: z.string(),
    notAfter: timeMs,
    servers: z.array(z.strictObject({ server: z.string(), routes: names })),
  }),
  'certificates ls': value('tako.certificates/1', {
    ok: z.boolean(),
    servers: z.array(
      z.union([z.strictObject({ server: z.string(), certificates: z.array(certificate) }), unreachable]),
    ),
  }),
  'certificates rm': value('tako.certificates-rm/1', {
    ok,
    names,
    servers: z.array(z.strictObject({ server: z.string(), removed: z.boolean() })),
  }),
  'config show': value('tako.config/1', {
    ok,
    file: z.string(),
    environments: names,
    config: z.record(z.string(), z.unknown()),
  }),
  delete: value('tako.delete/1', change),
  doctor: value('tako.doctor/1', {
    ok: z.boolean(),
    findings: z.array(
      z.strictObject({
        layer: z.string(),
        subject: z.string(),
        outcome: z.enum(['ok', 'warning', 'failed', 'skipped']),
        message: z.string(),
        code: z.string().nullable(),
        hint: z.string().nullable(),
      }),
    ),
  }),
  explain: value('tako.explain/1', {
    code: z.string(),
    summary: z.string(),
    source: z.enum(['user', 'app', 'server', 'network', 'internal']),
    retryable: z.boolean(),
    exitCode: z.number().int(),
    page: z.string().nullable(),
  }),
  logs: z.discriminatedUnion('type', [logEntry, logGap]),
  maintenance: value('tako.maintenance/1', { ...switched, on: z.boolean() }),
  open: value('tako.open/1', { ok, deploymentId: z.string(), urls: names }),
  pause: value('tako.pause/1', { ...switched, maxMs: z.number() }),
  'releases ls': value('tako.releases/1', {
    ok,
    deploymentId: z.string(),
    servers: z.array(z.strictObject({ server: z.string(), releases: z.array(release) })),
  }),
  'releases rollback': value('tako.releases-rollback/1', change),
  restart: value('tako.restart/1', change),
  resume: value('tako.resume/1', switched),
  rollback: value('tako.rollback/1', change),
  scale: value('tako.scale/1', change),
  'secrets key export': value('tako.secrets-key/1', { ok, env, key: z.string() }),
  'secrets key import': value('tako.secrets-key-import/1', { ok, env, file: z.string() }),
  'secrets key rotate': value('tako.secrets-key-rotate/1', { ok, env, names, keyFile: z.string() }),
  'secrets ls': value('tako.secrets/1', { ok, envs: z.record(z.string(), names) }),
  'secrets rm': value('tako.secrets-rm/1', { ok, name: z.string(), env }),
  'secrets set': value('tako.secrets-set/1', { ok, name: z.string(), env, keyCreated: z.boolean() }),
  'secrets sync': value('tako.secrets-sync/1', change),
  'servers add': value('tako.servers-add/1', { ok, server: inventoryServer }),
  'servers ls': value('tako.servers/1', { ok, servers: z.array(inventoryServer) }),
  'servers reload': value('tako.servers-reload/1', { ok, servers: controlled }),
  'servers restart': value('tako.servers-restart/1', { ok, servers: controlled }),
  'servers rm': value('tako.servers-rm/1', { ok, name: z.string() }),
  'servers status': value('tako.servers-status/1', {
    ok: z.boolean(),
    servers: z.array(
      z.union([
        z.strictObject({
          server: z.string(),
          identity,
          deployments: z.array(
            z.strictObject({ ...app, version: z.string().nullable(), instancesWanted: z.number().int() }),
          ),
        }),
        unreachable,
      ]),
    ),
  }),
  start: value('tako.start/1', change),
  status: value('tako.status/1', {
    ok: z.boolean(),
    servers: z.array(
      z.union([z.strictObject({ server: z.string(), deployments: z.array(deployment) }), unreachable]),
    ),
  }),
  stop: value('tako.stop/1', change),
  unlock: value('tako.unlock/1', {
    ok,
    deploymentId: z.string(),
    servers: z.array(
      z.strictObject({ server: z.string(), previous: z.record(z.string(), z.unknown()).nullable() }),
    ),
  }),
  version: value('tako.version/1', { version: z.string(), node: z.string() }),
});
