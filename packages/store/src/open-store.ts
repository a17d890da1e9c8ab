// Opens the state: connection, migrations, repositories. Salvage of a corrupt file is the caller's decision.
import path from 'node:path';
import { type BackupOptions, backupBeforeMigration } from './backup/state-backup.ts';
import { openConnection } from './database/connection.ts';
import { applyMigrations, pendingMigrations, readSchemaState } from './database/migrate.ts';
import { type Migration, migrations } from './database/migrations.ts';
import { createAcmeAccountRepository } from './repositories/acme-account-repository.ts';
import { createAcmeNameRepository } from './repositories/acme-name-repository.ts';
import { createAcmeOrderRepository } from './repositories/acme-order-repository.ts';
import { createAcmePauseRepository } from './repositories/acme-pause-repository.ts';
import { createAuditRepository } from './repositories/audit-repository.ts';
import { createCertificateRepository } from './repositories/certificate-repository.ts';
import { createChallengeRepository } from './repositories/challenge-repository.ts';
import { createDeploymentRepository } from './repositories/deployment-repository.ts';
import { createInstanceRepository } from './repositories/instance-repository.ts';
import { createLeaseRepository } from './repositories/lease-repository.ts';
import { createReleaseRepository } from './repositories/release-repository.ts';
import { createRolloutRepository } from './repositories/rollout-repository.ts';
import { createStateRepository } from './repositories/state-repository.ts';
import type { Store } from './store.types.ts';

export interface OpenStoreOptions {
  /** `<data-dir>/runtime-state.sqlite3`; made (0600) when absent, its directory must exist. */
  readonly file: string;
  /** Where the backup before a migration goes; `backups` beside the file when absent. */
  readonly backupDir?: string | undefined;
  readonly nowMs?: (() => number) | undefined;
  /**
   * Migrations of an existing file, and all that is written after them, are one transaction until `settle()`: closed or
   * killed before it, the file is as it was, for the program that worked on it before.
   */
  readonly holdMigrations?: boolean | undefined;
  /** The schema's history; another one than the program's own only in tests. */
  readonly migrations?: readonly Migration[] | undefined;
}

/** Throws STATE_TOO_NEW, STATE_CORRUPT (then `salvageState` and open again) or STATE_UNAVAILABLE. */
export function openStore(options: OpenStoreOptions): Store {
  const { file } = options;
  const known = options.migrations ?? migrations;
  const connection = openConnection(file);
  try {
    connection.run(() => {
      const schema = readSchemaState(connection.raw);
      const pending = pendingMigrations(schema, known, file);
      if (pending.length === 0) return;
      if (schema.version > 0) {
        const backup: BackupOptions = {
          file,
          backupDir: options.backupDir ?? path.join(path.dirname(file), 'backups'),
          nowMs: options.nowMs ?? Date.now,
        };
        backupBeforeMigration(connection.raw, backup);
        if (options.holdMigrations === true) connection.raw.exec('BEGIN IMMEDIATE');
      }
      applyMigrations(connection.raw, pending);
    });
  } catch (error) {
    connection.close();
    throw error;
  }
  const store: Store = {
    deployments: createDeploymentRepository(connection),
    releases: createReleaseRepository(connection),
    instances: createInstanceRepository(connection),
    rollouts: createRolloutRepository(connection),
    leases: createLeaseRepository(connection),
    audit: createAuditRepository(connection),
    certificates: createCertificateRepository(connection),
    challenges: createChallengeRepository(connection),
    acmeAccounts: createAcmeAccountRepository(connection),
    acmeNames: createAcmeNameRepository(connection),
    acmeOrders: createAcmeOrderRepository(connection),
    acmePauses: createAcmePauseRepository(connection),
    state: createStateRepository(connection),
    transaction: (work) => connection.transaction(work),
    settle: () =>
      connection.run(() => {
        if (connection.raw.inTransaction) connection.raw.exec('COMMIT');
      }),
    stopWaiting: () => void connection.raw.pragma('busy_timeout = 0'),
    close: () => connection.close(),
  };
  return Object.freeze(store);
}
