// The tables as drizzle sees them. The DDL that makes them is in migrations.ts; a test holds the two together.
import type { Manifest } from '@tako/config';
import { index, integer, primaryKey, sqliteTable, text } from './drizzle.ts';
import type {
  AcmeFacts,
  AuditRecord,
  CertificateRecord,
  ChallengeKind,
  DeploymentRecord,
  ReleaseState,
  RolloutState,
} from '../records.ts';

type Facts = Readonly<Record<string, unknown>>;

export const deployments = sqliteTable('deployments', {
  id: text('id').primaryKey(),
  app: text('app').notNull(),
  env: text('env').notNull(),
  currentVersion: text('current_version'),
  previousVersion: text('previous_version'),
  instancesWanted: integer('instances_wanted').notNull(),
  stopped: integer('stopped', { mode: 'boolean' }).notNull(),
  maintenance: integer('maintenance', { mode: 'boolean' }).notNull(),
  secretsDigest: text('secrets_digest').notNull(),
  secretNames: text('secret_names', { mode: 'json' }).$type<readonly string[]>().notNull(),
  lastError: text('last_error', { mode: 'json' }).$type<DeploymentRecord['lastError']>(),
  createdAt: integer('created_at').notNull(),
  updatedAt: integer('updated_at').notNull(),
});

export const routes = sqliteTable(
  'routes',
  {
    /** `routeKey` of @tako/config: what must be unique. */
    key: text('key').primaryKey(),
    route: text('route').notNull(),
    deploymentId: text('deployment_id')
      .notNull()
      .references(() => deployments.id, { onDelete: 'cascade' }),
    position: integer('position').notNull(),
  },
  (table) => [index('routes_by_deployment').on(table.deploymentId)],
);

export const releases = sqliteTable(
  'releases',
  {
    deploymentId: text('deployment_id').notNull(),
    version: text('version').notNull(),
    sha256: text('sha256').notNull(),
    manifest: text('manifest', { mode: 'json' }).$type<Manifest>().notNull(),
    state: text('state').$type<ReleaseState>().notNull(),
    preparedAt: integer('prepared_at').notNull(),
    deployedAt: integer('deployed_at'),
  },
  (table) => [primaryKey({ columns: [table.deploymentId, table.version] })],
);

export const instances = sqliteTable(
  'instances',
  {
    id: text('id').primaryKey(),
    deploymentId: text('deployment_id').notNull(),
    version: text('version').notNull(),
    pid: integer('pid').notNull(),
    startTimeTicks: integer('start_time_ticks').notNull(),
    bootId: text('boot_id').notNull(),
    port: integer('port'),
    runDir: text('run_dir').notNull(),
    startedAt: integer('started_at').notNull(),
  },
  (table) => [index('instances_by_deployment').on(table.deploymentId)],
);

export const rollouts = sqliteTable(
  'rollouts',
  {
    id: text('id').primaryKey(),
    deploymentId: text('deployment_id').notNull(),
    kind: text('kind').notNull(),
    plan: text('plan', { mode: 'json' }).$type<Facts>().notNull(),
    state: text('state').$type<RolloutState>().notNull(),
    startedAt: integer('started_at').notNull(),
    endedAt: integer('ended_at'),
    result: text('result', { mode: 'json' }).$type<Facts>(),
  },
  (table) => [index('rollouts_by_deployment').on(table.deploymentId, table.startedAt)],
);

export const leases = sqliteTable('leases', {
  name: text('name').primaryKey(),
  token: text('token').notNull(),
  owner: text('owner', { mode: 'json' }).$type<Facts>().notNull(),
  acquiredAt: integer('acquired_at').notNull(),
  expiresAt: integer('expires_at').notNull(),
});

export const audit = sqliteTable(
  'audit',
  {
    id: integer('id').primaryKey({ autoIncrement: true }),
    at: integer('at').notNull(),
    caller: text('caller').notNull(),
    procedure: text('procedure').notNull(),
    deploymentId: text('deployment_id'),
    outcome: text('outcome').$type<AuditRecord['outcome']>().notNull(),
    code: text('code'),
    detail: text('detail'),
    durationMs: integer('duration_ms').notNull(),
  },
  (table) => [index('audit_by_deployment').on(table.deploymentId, table.id)],
);

export const certificates = sqliteTable('certificates', {
  id: text('id').primaryKey(),
  names: text('names', { mode: 'json' }).$type<readonly string[]>().notNull(),
  source: text('source').$type<CertificateRecord['source']>().notNull(),
  issuer: text('issuer'),
  notBefore: integer('not_before').notNull(),
  notAfter: integer('not_after').notNull(),
  lastError: text('last_error'),
  nextTryAt: integer('next_try_at'),
  acme: text('acme', { mode: 'json' }).$type<AcmeFacts>(),
});

export const challenges = sqliteTable(
  'challenges',
  {
    host: text('host').notNull(),
    challenge: text('challenge').notNull(),
    keyAuthorization: text('key_authorization').notNull(),
    createdAt: integer('created_at').notNull(),
    kind: text('kind').$type<ChallengeKind>().notNull().default('http-01'),
  },
  (table) => [primaryKey({ columns: [table.host, table.challenge] })],
);

export const acmeAccounts = sqliteTable('acme_accounts', {
  directory: text('directory').primaryKey(),
  url: text('url').notNull(),
  email: text('email').notNull(),
  createdAt: integer('created_at').notNull(),
});

export const acmeNames = sqliteTable('acme_names', {
  name: text('name').primaryKey(),
  failures: integer('failures').notNull(),
  lastTriedAt: integer('last_tried_at').notNull(),
  nextTryAt: integer('next_try_at').notNull(),
  lastError: text('last_error').notNull(),
});

export const acmeOrders = sqliteTable('acme_orders', {
  id: text('id').primaryKey(),
  directory: text('directory').notNull(),
  names: text('names', { mode: 'json' }).$type<readonly string[]>().notNull(),
  url: text('url').notNull(),
  createdAt: integer('created_at').notNull(),
});

export const acmePauses = sqliteTable('acme_pauses', {
  scope: text('scope').primaryKey(),
  until: integer('until').notNull(),
  reason: text('reason').notNull(),
});

export const serverState = sqliteTable('server_state', {
  key: text('key').primaryKey(),
  value: text('value').notNull(),
});
