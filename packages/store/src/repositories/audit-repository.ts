// Who did what, newest AUDIT_ROWS_MAX of them.
import type { Connection } from '../database/connection.ts';
import { desc, eq, lte } from '../database/drizzle.ts';
import { deepFreeze } from '../database/freeze.ts';
import { audit } from '../database/tables.ts';
import { AUDIT_ROWS_MAX } from '../limits.ts';
import type { AuditRepository } from '../store.types.ts';

export function createAuditRepository(connection: Connection): AuditRepository {
  const { orm } = connection;
  return {
    append: (record) =>
      connection.transaction(() => {
        const { lastInsertRowid } = orm.insert(audit).values(record).run();
        // Ids are dense (AUTOINCREMENT, one writer a transaction), so the id bounds the count.
        orm
          .delete(audit)
          .where(lte(audit.id, Number(lastInsertRowid) - AUDIT_ROWS_MAX))
          .run();
      }),
    list: ({ deploymentId, limit }) =>
      connection.run(() =>
        orm
          .select()
          .from(audit)
          .where(deploymentId === undefined ? undefined : eq(audit.deploymentId, deploymentId))
          .orderBy(desc(audit.id))
          .limit(limit)
          .all()
          .map(deepFreeze),
      ),
  };
}
