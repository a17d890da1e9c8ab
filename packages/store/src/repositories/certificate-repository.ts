// Facts about certificates; the PEM files are elsewhere.
import type { Connection } from '../database/connection.ts';
import { asc, eq } from '../database/drizzle.ts';
import { deepFreeze } from '../database/freeze.ts';
import { certificates } from '../database/tables.ts';
import type { CertificateRepository } from '../store.types.ts';

export function createCertificateRepository(connection: Connection): CertificateRepository {
  const { orm } = connection;
  return {
    list: () =>
      connection.run(() =>
        orm.select().from(certificates).orderBy(asc(certificates.id)).all().map(deepFreeze),
      ),
    get: (id) =>
      connection.run(() => deepFreeze(orm.select().from(certificates).where(eq(certificates.id, id)).get())),
    put: (record) =>
      connection.run(() => {
        const { id: _id, ...changes } = record;
        orm
          .insert(certificates)
          .values(record)
          .onConflictDoUpdate({ target: certificates.id, set: changes })
          .run();
      }),
    delete: (id) =>
      connection.run(() => {
        orm.delete(certificates).where(eq(certificates.id, id)).run();
      }),
  };
}
