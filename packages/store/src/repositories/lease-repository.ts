// Leases: exclusive until a time, told apart by a token. BEGIN IMMEDIATE makes taking one atomic between processes.
import type { Connection } from '../database/connection.ts';
import { and, asc, eq, gt } from '../database/drizzle.ts';
import { deepFreeze } from '../database/freeze.ts';
import { leases } from '../database/tables.ts';
import type { LeaseRepository } from '../store.types.ts';

export function createLeaseRepository(connection: Connection): LeaseRepository {
  const { orm } = connection;
  const rowOf = (name: string) => deepFreeze(orm.select().from(leases).where(eq(leases.name, name)).get());
  const heldWith = (name: string, token: string) => and(eq(leases.name, name), eq(leases.token, token));

  return {
    get: (name, nowMs) =>
      connection.run(() => {
        const row = rowOf(name);
        return row !== undefined && row.expiresAt > nowMs ? row : undefined;
      }),
    acquire: (lease, nowMs) =>
      connection.transaction(() => {
        const row = rowOf(lease.name);
        if (row !== undefined && row.expiresAt > nowMs && row.token !== lease.token)
          return { kind: 'held', by: row };
        const { name: _name, ...changes } = lease;
        orm.insert(leases).values(lease).onConflictDoUpdate({ target: leases.name, set: changes }).run();
        return { kind: 'acquired', lease: deepFreeze({ ...lease }) };
      }),
    renew: (name, token, expiresAt, nowMs) =>
      connection.run(
        () =>
          orm
            .update(leases)
            .set({ expiresAt })
            .where(and(heldWith(name, token), gt(leases.expiresAt, nowMs)))
            .run().changes === 1,
      ),
    release: (name, token) =>
      connection.run(() => orm.delete(leases).where(heldWith(name, token)).run().changes === 1),
    force: (name) =>
      connection.transaction(() => {
        const row = rowOf(name);
        orm.delete(leases).where(eq(leases.name, name)).run();
        return row;
      }),
    list: (prefix, nowMs) =>
      connection.run(() =>
        orm
          .select()
          .from(leases)
          .where(gt(leases.expiresAt, nowMs))
          .orderBy(asc(leases.name))
          .all()
          .filter((row) => row.name.startsWith(prefix))
          .map(deepFreeze),
      ),
  };
}
