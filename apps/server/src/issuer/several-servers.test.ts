// Two servers of one domain over a storage that they share, with pebble: the CA asks the one that did not order.
import { describe, expect, it } from 'vitest';
import { startChallengeServer } from './testing/challenge-server.ts';
import { hasPebble } from './testing/pebble.ts';
import { startWorld } from './testing/pebble-world.ts';
import { issuedNames, startIssuer } from './testing/running-issuer.ts';
import { openSharedStorage } from './testing/shared-storage.ts';

const ordersIn = (output: string): number => output.match(/Added order/g)?.length ?? 0;

describe.skipIf(!hasPebble)('two servers of one domain', () => {
  it('answer one another’s challenges, and have the certificate of one order', async () => {
    await using world = await startWorld();
    await using elsewhere = await startChallengeServer();
    await using shared = await openSharedStorage();
    const routes = { web: ['a.example.com'] };
    // pebble validates at the challenge server of this one, which orders nothing.
    await using asked = await startIssuer({ ...world, routes: {}, storage: shared.viewOf });
    await using ordering = await startIssuer({
      ...world,
      challenges: elsewhere,
      routes,
      storage: shared.viewOf,
    });
    await ordering.until('a certificate', () => issuedNames(ordering).length === 1);
    expect(elsewhere.asked).toEqual([]);
    expect(world.challenges.asked).not.toEqual([]);
    await asked.until('the same certificate', () => issuedNames(asked).length === 1);
    const certificateOf = ({ views }: typeof asked) => views.find(({ isDefault }) => !isDefault)?.certificate;
    expect(certificateOf(asked)).toBe(certificateOf(ordering));
    asked.routes.set('web', routes.web);
    await asked.look();
    expect(ordersIn(world.pebble.output)).toBe(1);
    await asked.until('no challenge is left', () => world.challenges.http.length === 0);
  });

  it('place one order for a name that both want at once', async () => {
    await using world = await startWorld();
    await using shared = await openSharedStorage();
    const choice = { ...world, routes: { web: ['b.example.com'] }, storage: shared.viewOf };
    await using one = await startIssuer(choice);
    await using two = await startIssuer(choice);
    await Promise.all([one, two].map((each) => each.until('served', () => issuedNames(each).length === 1)));
    expect(ordersIn(world.pebble.output)).toBe(1);
  });
});
