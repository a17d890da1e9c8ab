// What each operation on a deployment wants: its checks, its plan, the row it ends in, what follows. The verbs of
// the management API as values for the rollout service; nothing here swaps an instance.
import { TakoError, secretsDigest } from '@tako/config';
import type { Manifest } from '@tako/config';
import type { DeploymentRecord, ReleaseRecord, Store } from '@tako/store';
import type { Build } from '../deployments/build.ts';
import type { Deployment } from '../deployments/deployment.ts';
import type { DeploymentSet } from '../deployments/deployment-set.ts';
import { slotsFor } from './rollout-plan.ts';
import type { RolloutPlan } from './rollout-plan.ts';
import type { Change } from './rollout-service.ts';

/** Files that follow the rows. */
export interface ReleaseFiles {
  /** Points `current` at the release, by an atomic rename. */
  link(deploymentId: string, version: string): Promise<unknown>;
  /** Removes what the rules no longer keep; a failure is logged, not thrown. */
  prune(deploymentId: string): Promise<unknown>;
}

export interface StagedSecrets {
  stage(deploymentId: string, secrets: Readonly<Record<string, string>>): Promise<unknown>;
  commit(deploymentId: string): Promise<unknown>;
  discard(deploymentId: string): Promise<unknown>;
}

export interface ChangesDeps {
  readonly store: Store;
  readonly deployments: DeploymentSet;
  readonly files: ReleaseFiles;
  readonly vault: StagedSecrets;
  /** The routes that are served may have changed: certificates follow. */
  readonly routesChanged: () => void;
  readonly now: () => number;
}

type Secrets = Readonly<Record<string, string>>;

export class Changes {
  readonly #deps: ChangesDeps;

  constructor(deps: ChangesDeps) {
    this.#deps = deps;
  }

  /** Throws RELEASE_NOT_FOUND, ROUTE_CONFLICT, SECRETS_MISSING; then nothing has changed. */
  async deploy(input: {
    deploymentId: string;
    version: string;
    routes: readonly string[];
    secrets?: Secrets | undefined;
  }): Promise<Change> {
    const { deploymentId: id, version, routes } = input;
    const release = this.#release(id, version);
    this.#assertRoutesFree(id, routes);
    const known = this.#deps.deployments.find(id);
    const base = known?.record ?? this.#firstRecord(release);
    const secrets = await this.#stage(base, release.manifest, input.secrets);
    const deployment = known ?? this.#deps.deployments.create(base, release.manifest);
    const build = { version, manifest: release.manifest, secrets: secrets.which };
    return this.#replaceAll('deploy', deployment, build, (record) => ({
      ...record,
      ...secrets.row,
      ...versions(record, version),
      routes,
      stopped: false,
      lastError: null,
    }));
  }

  /** Routes, secrets and scale stay. Throws PREVIOUS_RELEASE_NOT_FOUND, RELEASE_NOT_FOUND, SECRETS_MISSING. */
  async rollback(deployment: Deployment, version: string | undefined): Promise<Change> {
    const target = version ?? deployment.record.previousVersion;
    if (target === null || target === deployment.record.currentVersion) {
      throw new TakoError(
        'PREVIOUS_RELEASE_NOT_FOUND',
        `${deployment.id} has no earlier release to go back to`,
        {
          hint: 'tako releases lists what is there; give a version',
          details: { deploymentId: deployment.id },
        },
      );
    }
    const release = this.#release(deployment.id, target);
    assertSecrets(deployment.id, release.manifest, deployment.record.secretNames);
    const build: Build = { version: target, manifest: release.manifest, secrets: 'current' };
    return this.#replaceAll('rollback', deployment, build, (record) => ({
      ...record,
      ...versions(record, target),
      stopped: false,
      lastError: null,
    }));
  }

  restart(deployment: Deployment): Change {
    return this.#replaceAll('restart', deployment, this.current(deployment), (record) => record);
  }

  /** After a crash in the middle of a rollout: the slots that it had swapped go back to what the row says. */
  finishRevert(deployment: Deployment): Change {
    const build = this.current(deployment);
    const slots = Math.max(1, deployment.record.instancesWanted);
    return this.#change(
      deployment,
      { kind: 'restart', to: build, slots, replace: 'stale', stableMs: stableMs(build.manifest) },
      (record) => record,
    );
  }

  start(deployment: Deployment): Change {
    return this.#replaceAll('start', deployment, this.current(deployment), (record) => ({
      ...record,
      stopped: false,
    }));
  }

  scale(deployment: Deployment, instances: number): Change {
    const slots = instances === 0 ? Math.min(1, deployment.slots.length) : instances;
    const build = this.current(deployment);
    const plan: RolloutPlan = {
      kind: 'scale',
      to: build,
      slots,
      replace: 'none',
      stableMs: stableMs(build.manifest),
    };
    return this.#change(deployment, plan, (record) => ({ ...record, instancesWanted: instances }));
  }

  /** null: the digest did not change. Throws SECRETS_MISSING when the running release needs a name that is gone. */
  async secrets(deployment: Deployment, secrets: Secrets): Promise<Change | null> {
    const build = this.current(deployment);
    if (secretsDigest(secrets) === deployment.record.secretsDigest) return null;
    const staged = await this.#stage(deployment.record, build.manifest, secrets);
    const to: Build = { ...build, secrets: staged.which };
    return this.#replaceAll('secrets', deployment, to, (record) => ({ ...record, ...staged.row }));
  }

  /** The build that serves now. Throws RELEASE_NOT_FOUND. */
  current(deployment: Deployment): Build {
    const version = deployment.record.currentVersion;
    if (version === null)
      throw new TakoError('RELEASE_NOT_FOUND', `${deployment.id} has no release that serves yet`, {
        hint: 'tako deploy',
      });
    return { version, manifest: deployment.manifest, secrets: 'current' };
  }

  #replaceAll(
    kind: RolloutPlan['kind'],
    deployment: Deployment,
    to: Build,
    next: (record: DeploymentRecord) => DeploymentRecord,
  ): Change {
    const slots = slotsFor(deployment.record.instancesWanted, deployment.slots.length);
    return this.#change(
      deployment,
      { kind, to, slots, replace: 'all', stableMs: stableMs(to.manifest) },
      next,
    );
  }

  #change(
    deployment: Deployment,
    plan: RolloutPlan,
    next: (record: DeploymentRecord) => DeploymentRecord,
  ): Change {
    const { id } = deployment;
    const { store, now } = this.#deps;
    const version = plan.to.version;
    return {
      deployment,
      plan,
      next: (record) => ({ ...next(record), updatedAt: now() }),
      commitRows: () => {
        const release = store.releases.get(id, version);
        if (release !== undefined) store.releases.put({ ...release, state: 'good', deployedAt: now() });
      },
      settle: () => this.#settle(deployment, plan),
      reverted: (code, reason) => this.#reverted(deployment, plan, { code, message: reason }),
    };
  }

  async #settle(deployment: Deployment, plan: RolloutPlan): Promise<void> {
    const { vault, files } = this.#deps;
    if (plan.to.secrets === 'staged') {
      await vault.commit(deployment.id);
      for (const slot of deployment.slots) slot.build = { ...slot.build, secrets: 'current' };
    }
    this.#deps.routesChanged();
    await files.link(deployment.id, plan.to.version);
    if (plan.kind === 'deploy') await files.prune(deployment.id);
  }

  async #reverted(
    deployment: Deployment,
    plan: RolloutPlan,
    error: { code: string; message: string },
  ): Promise<void> {
    const { store, vault, deployments, now } = this.#deps;
    const { id } = deployment;
    if (plan.to.secrets === 'staged') await vault.discard(id);
    const release = store.releases.get(id, plan.to.version);
    if (release !== undefined && release.state === 'prepared')
      store.releases.put({ ...release, state: 'failed' });
    if (deployment.record.currentVersion === null) {
      await deployment.remove();
      deployments.delete(id);
      return;
    }
    deployment.record = { ...deployment.record, lastError: { at: now(), ...error } };
    store.deployments.put(deployment.record);
  }

  #release(id: string, version: string): ReleaseRecord {
    const release = this.#deps.store.releases.get(id, version);
    if (release !== undefined) return release;
    throw new TakoError('RELEASE_NOT_FOUND', `${id} has no prepared release ${version} on this server`, {
      hint: 'tako releases lists them; tako deploy prepares a new one',
      details: { deploymentId: id, version },
    });
  }

  #assertRoutesFree(id: string, routes: readonly string[]): void {
    const taken = this.#deps.store.deployments.routeOwners(routes, id)[0];
    if (taken === undefined) return;
    throw new TakoError(
      'ROUTE_CONFLICT',
      `the route ${taken.route} of ${id} belongs to ${taken.deploymentId}`,
      {
        hint: 'give one of them another host or path',
        details: { deploymentId: id, route: taken.route, owner: taken.deploymentId },
      },
    );
  }

  /** Equal secrets are kept as they are: then nothing has to be reverted either. */
  async #stage(
    record: DeploymentRecord,
    manifest: Manifest,
    secrets: Secrets | undefined,
  ): Promise<{ which: Build['secrets']; row: Partial<DeploymentRecord> }> {
    const names = secrets === undefined ? record.secretNames : Object.keys(secrets).toSorted();
    assertSecrets(record.id, manifest, names);
    const digest = secrets === undefined ? record.secretsDigest : secretsDigest(secrets);
    if (secrets === undefined || digest === record.secretsDigest) return { which: 'current', row: {} };
    await this.#deps.vault.stage(record.id, secrets);
    return { which: 'staged', row: { secretsDigest: digest, secretNames: names } };
  }

  #firstRecord(release: ReleaseRecord): DeploymentRecord {
    const { manifest } = release;
    const at = this.#deps.now();
    return {
      id: release.deploymentId,
      app: manifest.app,
      env: manifest.env,
      currentVersion: null,
      previousVersion: null,
      instancesWanted: manifest.instances,
      stopped: false,
      maintenance: false,
      routes: [],
      secretsDigest: secretsDigest({}),
      secretNames: [],
      lastError: null,
      createdAt: at,
      updatedAt: at,
    };
  }
}

function stableMs(manifest: Manifest): number {
  return manifest.rollout.stable_s * 1000;
}

function versions(
  record: DeploymentRecord,
  version: string,
): Pick<DeploymentRecord, 'currentVersion' | 'previousVersion'> {
  return {
    currentVersion: version,
    previousVersion: record.currentVersion === version ? record.previousVersion : record.currentVersion,
  };
}

function assertSecrets(id: string, manifest: Manifest, present: readonly string[]): void {
  const missing = manifest.secret_names.filter((name) => !present.includes(name));
  if (missing.length === 0) return;
  throw new TakoError(
    'SECRETS_MISSING',
    `${id} needs secrets that the server does not have: ${missing.join(', ')}`,
    {
      hint: `tako secrets set ${missing[0]} --env ${manifest.env}, then deploy again`,
      details: { deploymentId: id, missing },
    },
  );
}
