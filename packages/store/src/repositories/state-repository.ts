// Single values of the server itself, by key.
import type { Connection } from '../database/connection.ts';
import { eq } from '../database/drizzle.ts';
import { serverState } from '../database/tables.ts';
import type { StateRepository } from '../store.types.ts';

export function createStateRepository(connection: Connection): StateRepository {
  const { orm } = connection;
  return {
    get: (key) =>
      connection.run(() => orm.select().from(serverState).where(eq(serverState.key, key)).get()?.value),
    put: (key, value) =>
      connection.run(() => {
        orm
          .insert(serverState)
          .values({ key, value })
          .onConflictDoUpdate({ target: serverState.key, set: { value } })
          .run();
      }),
    delete: (key) =>
      connection.run(() => {
        orm.delete(serverState).where(eq(serverState.key, key)).run();
      }),
  };
}
