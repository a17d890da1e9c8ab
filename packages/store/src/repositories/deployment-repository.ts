// Deployments and the routes they own. A route has one owner: the primary key of `routes` decides, nobody else.
import { TakoError, parseRoute, routeKey } from '@tako/config';
import type { Connection } from '../database/connection.ts';
import { and, asc, eq, inArray, ne } from '../database/drizzle.ts';
import { deepFreeze } from '../database/freeze.ts';
import { sqliteCode } from '../database/state-error.ts';
import { deployments, instances, releases, rollouts, routes } from '../database/tables.ts';
import type { DeploymentRecord } from '../records.ts';
import type { DeploymentRepository } from '../store.types.ts';

/** SQLite's default limit of bound parameters is 32,766; stay far below. */
const ROUTES_PER_QUERY = 500;

/** Route text by its key, in order; equal routes once. Throws ROUTE_INVALID. */
function byRouteKey(texts: readonly string[]): Map<string, string> {
  return new Map(texts.map((text) => [routeKey(parseRoute(text)), text]));
}

function isUniqueViolation(error: unknown): boolean {
  const code = sqliteCode(error);
  return code === 'SQLITE_CONSTRAINT_PRIMARYKEY' || code === 'SQLITE_CONSTRAINT_UNIQUE';
}

function routeConflict(route: string, owner: string, deploymentId: string): TakoError {
  return new TakoError(
    'ROUTE_CONFLICT',
    `The route ${route} belongs to ${owner}; ${deploymentId} cannot have it.`,
    {
      hint: `Take the route out of ${owner} (and deploy it), or choose another one for ${deploymentId}.`,
      details: { route, owner, deploymentId },
    },
  );
}

export function createDeploymentRepository(connection: Connection): DeploymentRepository {
  const { orm } = connection;

  const routesOf = (id: string): string[] =>
    orm
      .select({ route: routes.route })
      .from(routes)
      .where(eq(routes.deploymentId, id))
      .orderBy(asc(routes.position))
      .all()
      .map((row) => row.route);

  function replaceRoutes(record: DeploymentRecord): void {
    orm.delete(routes).where(eq(routes.deploymentId, record.id)).run();
    const byKey = byRouteKey(record.routes);
    let position = 0;
    for (const [key, route] of byKey) {
      try {
        orm.insert(routes).values({ key, route, deploymentId: record.id, position }).run();
      } catch (error) {
        if (!isUniqueViolation(error)) throw error;
        const owner = orm.select().from(routes).where(eq(routes.key, key)).get();
        throw routeConflict(route, owner?.deploymentId ?? 'another deployment', record.id);
      }
      position += 1;
    }
  }

  return {
    get: (id) =>
      connection.run(() => {
        const row = orm.select().from(deployments).where(eq(deployments.id, id)).get();
        return row === undefined ? undefined : deepFreeze({ ...row, routes: routesOf(id) });
      }),

    list: () =>
      connection.run(() => {
        const rows = orm.select().from(deployments).orderBy(asc(deployments.id)).all();
        const owned = Map.groupBy(
          orm.select().from(routes).orderBy(asc(routes.position)).all(),
          (row) => row.deploymentId,
        );
        return rows.map((row) =>
          deepFreeze({ ...row, routes: (owned.get(row.id) ?? []).map((entry) => entry.route) }),
        );
      }),

    put: (record) =>
      connection.transaction(() => {
        const { routes: _routes, ...row } = record;
        const { id: _id, ...changes } = row;
        orm
          .insert(deployments)
          .values(row)
          .onConflictDoUpdate({ target: deployments.id, set: changes })
          .run();
        replaceRoutes(record);
      }),

    delete: (id) =>
      connection.transaction(() => {
        orm.delete(deployments).where(eq(deployments.id, id)).run();
        orm.delete(releases).where(eq(releases.deploymentId, id)).run();
        orm.delete(instances).where(eq(instances.deploymentId, id)).run();
        orm.delete(rollouts).where(eq(rollouts.deploymentId, id)).run();
      }),

    routeOwners: (wanted, except) =>
      connection.run(() => {
        const byKey = byRouteKey(wanted);
        const keys = [...byKey.keys()];
        const owners: { route: string; deploymentId: string }[] = [];
        for (let from = 0; from < keys.length; from += ROUTES_PER_QUERY) {
          const rows = orm
            .select()
            .from(routes)
            .where(
              and(
                inArray(routes.key, keys.slice(from, from + ROUTES_PER_QUERY)),
                ne(routes.deploymentId, except),
              ),
            )
            .all();
          for (const row of rows)
            owners.push({ route: byKey.get(row.key) ?? row.route, deploymentId: row.deploymentId });
        }
        return owners;
      }),

    allRoutes: () =>
      connection.run(() =>
        orm
          .select({ route: routes.route, deploymentId: routes.deploymentId })
          .from(routes)
          .orderBy(asc(routes.key))
          .all(),
      ),
  };
}
