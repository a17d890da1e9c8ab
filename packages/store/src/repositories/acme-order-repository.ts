// Orders that were placed at a CA and not finished: what a crash must find again.
import type { Connection } from '../database/connection.ts';
import { asc, eq } from '../database/drizzle.ts';
import { deepFreeze } from '../database/freeze.ts';
import { acmeOrders } from '../database/tables.ts';
import type { AcmeOrderRepository } from '../store.types.ts';

export function createAcmeOrderRepository(connection: Connection): AcmeOrderRepository {
  const { orm } = connection;
  return {
    list: () =>
      connection.run(() => orm.select().from(acmeOrders).orderBy(asc(acmeOrders.id)).all().map(deepFreeze)),
    get: (id) =>
      connection.run(() => deepFreeze(orm.select().from(acmeOrders).where(eq(acmeOrders.id, id)).get())),
    put: (record) =>
      connection.run(() => {
        const { id: _id, ...changes } = record;
        orm
          .insert(acmeOrders)
          .values(record)
          .onConflictDoUpdate({ target: acmeOrders.id, set: changes })
          .run();
      }),
    delete: (id) =>
      connection.run(() => {
        orm.delete(acmeOrders).where(eq(acmeOrders.id, id)).run();
      }),
  };
}
