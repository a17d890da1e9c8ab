// Rollouts with their recorded plans, so that the next daemon can finish or revert one.
import type { Connection } from '../database/connection.ts';
import { asc, desc, eq, sql } from '../database/drizzle.ts';
import { deepFreeze } from '../database/freeze.ts';
import { rollouts } from '../database/tables.ts';
import type { RolloutRepository } from '../store.types.ts';

export function createRolloutRepository(connection: Connection): RolloutRepository {
  const { orm } = connection;
  const newestFirst = [desc(rollouts.startedAt), desc(sql`rowid`)] as const;
  return {
    get: (id) =>
      connection.run(() => deepFreeze(orm.select().from(rollouts).where(eq(rollouts.id, id)).get())),
    running: () =>
      connection.run(() =>
        orm
          .select()
          .from(rollouts)
          .where(eq(rollouts.state, 'running'))
          .orderBy(asc(rollouts.startedAt), asc(sql`rowid`))
          .all()
          .map(deepFreeze),
      ),
    latest: (deploymentId) =>
      connection.run(() =>
        deepFreeze(
          orm
            .select()
            .from(rollouts)
            .where(eq(rollouts.deploymentId, deploymentId))
            .orderBy(...newestFirst)
            .limit(1)
            .get(),
        ),
      ),
    put: (record) =>
      connection.run(() => {
        const { id: _id, ...changes } = record;
        orm.insert(rollouts).values(record).onConflictDoUpdate({ target: rollouts.id, set: changes }).run();
      }),
    prune: (deploymentId, keep) =>
      connection.transaction(() => {
        const surplus = orm
          .select({ id: rollouts.id, state: rollouts.state })
          .from(rollouts)
          .where(eq(rollouts.deploymentId, deploymentId))
          .orderBy(...newestFirst)
          .all()
          .slice(keep);
        for (const row of surplus) {
          // One that runs is somebody's plan, however old.
          if (row.state !== 'running') orm.delete(rollouts).where(eq(rollouts.id, row.id)).run();
        }
      }),
  };
}
