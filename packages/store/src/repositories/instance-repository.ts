// The processes we started and must find again after a crash.
import type { Connection } from '../database/connection.ts';
import { asc, eq } from '../database/drizzle.ts';
import { deepFreeze } from '../database/freeze.ts';
import { instances } from '../database/tables.ts';
import type { InstanceRepository } from '../store.types.ts';

export function createInstanceRepository(connection: Connection): InstanceRepository {
  const { orm } = connection;
  return {
    list: (deploymentId) =>
      connection.run(() =>
        orm
          .select()
          .from(instances)
          .where(deploymentId === undefined ? undefined : eq(instances.deploymentId, deploymentId))
          .orderBy(asc(instances.startedAt), asc(instances.id))
          .all()
          .map(deepFreeze),
      ),
    put: (record) =>
      connection.run(() => {
        const { id: _id, ...changes } = record;
        orm.insert(instances).values(record).onConflictDoUpdate({ target: instances.id, set: changes }).run();
      }),
    delete: (id) =>
      connection.run(() => {
        orm.delete(instances).where(eq(instances.id, id)).run();
      }),
  };
}
