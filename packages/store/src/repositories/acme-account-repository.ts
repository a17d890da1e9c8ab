// Which account at which CA is ours. Keys are files, not rows.
import type { Connection } from '../database/connection.ts';
import { eq } from '../database/drizzle.ts';
import { deepFreeze } from '../database/freeze.ts';
import { acmeAccounts } from '../database/tables.ts';
import type { AcmeAccountRepository } from '../store.types.ts';

export function createAcmeAccountRepository(connection: Connection): AcmeAccountRepository {
  const { orm } = connection;
  return {
    get: (directory) =>
      connection.run(() =>
        deepFreeze(orm.select().from(acmeAccounts).where(eq(acmeAccounts.directory, directory)).get()),
      ),
    put: (record) =>
      connection.run(() => {
        const { directory: _directory, ...changes } = record;
        orm
          .insert(acmeAccounts)
          .values(record)
          .onConflictDoUpdate({ target: acmeAccounts.directory, set: changes })
          .run();
      }),
    delete: (directory) =>
      connection.run(() => {
        orm.delete(acmeAccounts).where(eq(acmeAccounts.directory, directory)).run();
      }),
  };
}
