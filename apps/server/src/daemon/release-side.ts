// The release side of the daemon: artifacts, releases, runtimes, secrets, locks, audit, certificates, app users.
import path from 'node:path';
import { readHostPrivileges } from '@tako/supervisor';
import type { RunAs } from '@tako/supervisor';
import type { Store } from '@tako/store';
import { ArtifactStore } from '../artifacts/artifact-store.ts';
import { AuditLog } from '../audit/audit-log.ts';
import { CertificateFiles } from '../certificates/certificate-files.ts';
import { createAppUsers } from '../deployments/app-users.ts';
import type { AppUsers } from '../deployments/app-users.ts';
import { DeploymentLocks } from '../locks/deployment-locks.ts';
import type { Log } from '../log.ts';
import { registryEnvironment } from '../process-environment.ts';
import type { Environment } from '../process-environment.ts';
import { ReleasePreparer } from '../releases/release-preparer.ts';
import { ReleaseStore } from '../releases/release-store.ts';
import { placeOwnNode } from '../runtimes/own-node.ts';
import { RuntimeStore } from '../runtimes/runtime-store.ts';
import { openSecretVault } from '../secrets/secret-vault.ts';
import type { SecretVault } from '../secrets/secret-vault.ts';

export interface ReleaseSide {
  readonly artifacts: ArtifactStore;
  readonly audit: AuditLog;
  readonly certificates: CertificateFiles;
  readonly locks: DeploymentLocks;
  readonly preparer: ReleasePreparer;
  readonly releases: ReleaseStore;
  readonly runtimes: RuntimeStore;
  readonly vault: SecretVault;
  readonly users: AppUsers;
  readonly runAs: (deploymentId: string) => RunAs | null;
}

export interface ReleaseSideSpec {
  readonly dataDir: string;
  readonly store: Store;
  readonly log: Log;
  readonly environment: Environment;
  /** Versions that instances of a deployment run at the moment. */
  readonly inUse: (deploymentId: string) => ReadonlySet<string>;
}

export async function openReleaseSide(spec: ReleaseSideSpec): Promise<ReleaseSide> {
  const { dataDir, store, log, inUse } = spec;
  const nowMs = Date.now;
  const users = createAppUsers(store, readHostPrivileges().maySwitchUser);
  const runAs = (id: string): RunAs | null => users.runAs(id);
  const artifacts = new ArtifactStore({ dir: path.join(dataDir, 'artifacts'), nowMs });
  await artifacts.open();
  const environment = {
    ...registryEnvironment(spec.environment),
    PATH: spec.environment['PATH'] ?? '/usr/local/bin:/usr/bin:/bin',
  };
  const own = { dataDir, program: process.execPath, version: process.versions.node };
  const nodePath = readHostPrivileges().maySwitchUser ? await placeOwnNode(own) : process.execPath;
  const runtimes = new RuntimeStore({ dataDir, nodePath, environment, log, nowMs });
  const releases = new ReleaseStore({ dataDir, store, nowMs, log, runAs, inUse, artifacts });
  const certificates = new CertificateFiles({ dataDir, certificates: store.certificates, nowMs, log });
  await certificates.open();
  return {
    artifacts,
    audit: new AuditLog({ audit: store.audit, nowMs, log }),
    certificates,
    locks: new DeploymentLocks({ store, dataDir, nowMs, log }),
    preparer: new ReleasePreparer({ dataDir, store, artifacts, runtimes, nowMs, log }),
    releases,
    runtimes,
    vault: await openSecretVault({ dataDir, log }),
    users,
    runAs,
  };
}
