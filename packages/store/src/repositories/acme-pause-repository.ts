// CAs that told us to wait, and until when.
import type { Connection } from '../database/connection.ts';
import { asc, gt, lte } from '../database/drizzle.ts';
import { deepFreeze } from '../database/freeze.ts';
import { acmePauses } from '../database/tables.ts';
import type { AcmePauseRepository } from '../store.types.ts';

export function createAcmePauseRepository(connection: Connection): AcmePauseRepository {
  const { orm } = connection;
  return {
    list: (nowMs) =>
      connection.run(() =>
        orm
          .select()
          .from(acmePauses)
          .where(gt(acmePauses.until, nowMs))
          .orderBy(asc(acmePauses.scope))
          .all()
          .map(deepFreeze),
      ),
    put: (record) =>
      connection.run(() => {
        const { scope: _scope, ...changes } = record;
        orm
          .insert(acmePauses)
          .values(record)
          .onConflictDoUpdate({ target: acmePauses.scope, set: changes })
          .run();
      }),
    sweep: (nowMs) =>
      connection.run(() => {
        orm.delete(acmePauses).where(lte(acmePauses.until, nowMs)).run();
      }),
  };
}
