// The reads: server_info, status, list, routes, releases, certificates, audit, secrets_digest, logs, events.
import { createHash } from 'node:crypto';
import { TakoError } from '@tako/config';
import type { Manifest } from '@tako/config';
import type { AuditEntry, LogEvent, LogsInput, ManagementService, ServerIdentity } from '@tako/protocol';
import type { Store } from '@tako/store';
import type { DeploymentSet } from '../deployments/deployment-set.ts';
import type { RolloutRuns } from '../rollout/rollout-runs.ts';
import type { Activity } from '../traffic/activity.ts';
import type { ServerEvents } from './server-events.ts';
import { deploymentStatus } from './status-report.ts';

export interface LogSource {
  read(input: LogsInput, signal: AbortSignal): AsyncIterable<LogEvent>;
  releaseLog(deploymentId: string, version: string, signal: AbortSignal): AsyncIterable<LogEvent>;
}

export interface QueryProcedureDeps {
  readonly store: Store;
  readonly deployments: DeploymentSet;
  readonly runs: RolloutRuns;
  readonly activity: Activity;
  readonly events: ServerEvents;
  readonly logs: LogSource;
  readonly identity: () => ServerIdentity;
  /** While the daemon starts: before its end what runs is not known yet, and must not look like nothing. */
  readonly starting: () => Promise<void> | null;
  readonly manifestDigest: (manifest: Manifest) => string;
  readonly audit: { list(filter: { deploymentId?: string | undefined; limit: number }): AuditEntry[] };
  readonly certificates: { list(): Awaited<ReturnType<ManagementService['certificates']>> };
}

type QueryProcedures = Pick<
  ManagementService,
  | 'serverInfo'
  | 'status'
  | 'list'
  | 'routes'
  | 'releases'
  | 'certificates'
  | 'audit'
  | 'secretsDigest'
  | 'logs'
  | 'releaseLog'
  | 'events'
>;

/** spec 30: the digest of no secrets is that of no bytes. */
const emptyDigest = createHash('sha256').digest('hex');

export function queryProcedures(deps: QueryProcedureDeps): QueryProcedures {
  const { store, deployments, runs, activity } = deps;

  const known = (id: string): void => {
    if (deployments.find(id) !== undefined || store.releases.list(id).length > 0) return;
    throw new TakoError('APP_NOT_FOUND', `this server has no deployment ${id}`, {
      hint: 'tako status lists what the server runs',
      details: { deploymentId: id },
    });
  };

  return {
    serverInfo: async () => deps.identity(),

    status: async (input) => {
      await deps.starting();
      const chosen =
        input.deploymentId === undefined ? deployments.all : [deployments.get(input.deploymentId)];
      // Every build that runs is shown, that of a first deploy too; one that only waits for it is not there yet.
      const shown = chosen.filter(
        (deployment) =>
          deployment.record.currentVersion !== null ||
          input.deploymentId !== undefined ||
          runs.running(deployment.id) !== undefined,
      );
      const certificates = deps.certificates.list();
      const statuses = await Promise.all(
        shown.map((deployment) =>
          deploymentStatus(deployment, activity, { rollout: runs.running(deployment.id), certificates }),
        ),
      );
      return { server: deps.identity(), deployments: statuses };
    },

    list: async () =>
      store.deployments.list().map(({ id, app, env, currentVersion, instancesWanted }) => ({
        deploymentId: id,
        app,
        env,
        version: currentVersion,
        instancesWanted,
      })),

    routes: async () => store.deployments.allRoutes(),

    releases: async (input) => {
      await deps.starting();
      known(input.deploymentId);
      const current = deployments.find(input.deploymentId)?.record.currentVersion ?? null;
      return store.releases
        .list(input.deploymentId)
        .map(({ version, state, sha256, preparedAt, deployedAt, manifest }) => ({
          version,
          state,
          current: version === current,
          sha256,
          manifestSha256: deps.manifestDigest(manifest),
          preparedAt,
          deployedAt,
          commit: manifest.commit,
          commitMessage: manifest.commit_message,
          dirty: manifest.dirty,
        }));
    },

    certificates: async () => deps.certificates.list(),
    audit: async (input) => deps.audit.list(input),

    secretsDigest: async (input) => {
      const record = store.deployments.get(input.deploymentId);
      return { digest: record?.secretsDigest ?? emptyDigest, names: [...(record?.secretNames ?? [])] };
    },

    async *logs(input, context) {
      known(input.deploymentId);
      yield* deps.logs.read(input, context.signal);
    },

    async *releaseLog(input, context) {
      known(input.deploymentId);
      yield* deps.logs.releaseLog(input.deploymentId, input.version, context.signal);
    },

    events: (_input, context) => deps.events.read(context.signal),
  };
}
