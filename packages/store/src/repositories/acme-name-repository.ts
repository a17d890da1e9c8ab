// Names whose certificate could not be had, and when each is tried again.
import type { Connection } from '../database/connection.ts';
import { asc, eq } from '../database/drizzle.ts';
import { deepFreeze } from '../database/freeze.ts';
import { acmeNames } from '../database/tables.ts';
import type { AcmeNameRepository } from '../store.types.ts';

export function createAcmeNameRepository(connection: Connection): AcmeNameRepository {
  const { orm } = connection;
  return {
    list: () =>
      connection.run(() => orm.select().from(acmeNames).orderBy(asc(acmeNames.name)).all().map(deepFreeze)),
    put: (record) =>
      connection.run(() => {
        const { name: _name, ...changes } = record;
        orm
          .insert(acmeNames)
          .values(record)
          .onConflictDoUpdate({ target: acmeNames.name, set: changes })
          .run();
      }),
    delete: (name) =>
      connection.run(() => {
        orm.delete(acmeNames).where(eq(acmeNames.name, name)).run();
      }),
  };
}
