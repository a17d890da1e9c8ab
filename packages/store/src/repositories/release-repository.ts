// Releases known to be complete on disk; a row exists only once the directory is sealed.
import type { Connection } from '../database/connection.ts';
import { and, asc, desc, eq, sql } from '../database/drizzle.ts';
import { deepFreeze } from '../database/freeze.ts';
import { releases } from '../database/tables.ts';
import type { ReleaseRepository } from '../store.types.ts';

export function createReleaseRepository(connection: Connection): ReleaseRepository {
  const { orm } = connection;
  const key = (deploymentId: string, version: string) =>
    and(eq(releases.deploymentId, deploymentId), eq(releases.version, version));

  return {
    get: (deploymentId, version) =>
      connection.run(() => deepFreeze(orm.select().from(releases).where(key(deploymentId, version)).get())),
    list: (deploymentId) =>
      connection.run(() =>
        orm
          .select()
          .from(releases)
          .where(eq(releases.deploymentId, deploymentId))
          .orderBy(desc(releases.preparedAt), desc(sql`rowid`))
          .all()
          .map(deepFreeze),
      ),
    put: (record) =>
      connection.run(() => {
        const { deploymentId: _deploymentId, version: _version, ...changes } = record;
        orm
          .insert(releases)
          .values(record)
          .onConflictDoUpdate({ target: [releases.deploymentId, releases.version], set: changes })
          .run();
      }),
    delete: (deploymentId, version) =>
      connection.run(() => {
        orm.delete(releases).where(key(deploymentId, version)).run();
      }),
    artifacts: () =>
      connection.run(() =>
        orm
          .selectDistinct({ sha256: releases.sha256 })
          .from(releases)
          .orderBy(asc(releases.sha256))
          .all()
          .map((row) => row.sha256),
      ),
  };
}
