// HTTP-01 challenges. Keyed by host and challenge: ending one order never takes another's away (facts, bug 3).
import type { Connection } from '../database/connection.ts';
import { and, asc, eq } from '../database/drizzle.ts';
import { deepFreeze } from '../database/freeze.ts';
import { challenges } from '../database/tables.ts';
import type { ChallengeRepository } from '../store.types.ts';

export function createChallengeRepository(connection: Connection): ChallengeRepository {
  const { orm } = connection;
  return {
    list: () =>
      connection.run(() =>
        orm
          .select()
          .from(challenges)
          .orderBy(asc(challenges.host), asc(challenges.challenge))
          .all()
          .map(deepFreeze),
      ),
    put: (record) =>
      connection.run(() => {
        const { host: _host, challenge: _challenge, ...changes } = record;
        orm
          .insert(challenges)
          .values(record)
          .onConflictDoUpdate({ target: [challenges.host, challenges.challenge], set: changes })
          .run();
      }),
    delete: (host, challenge) =>
      connection.run(() => {
        orm
          .delete(challenges)
          .where(and(eq(challenges.host, host), eq(challenges.challenge, challenge)))
          .run();
      }),
  };
}
