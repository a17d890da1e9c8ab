// pebble with the server that its validations go to, as options of an issuer. For tests only.
import { startChallengeServer } from './challenge-server.ts';
import { startPebble } from './pebble.ts';
import type { PebbleOptions } from './pebble.ts';

export async function startWorld(options: PebbleOptions = {}) {
  await using undo = new AsyncDisposableStack();
  const challenges = undo.use(await startChallengeServer());
  const pebble = undo.use(
    await startPebble({ httpPort: challenges.httpPort, tlsPort: challenges.tlsPort, ...options }),
  );
  const resources = undo.move();
  return {
    challenges,
    pebble,
    options: {
      authorities: [{ directory: pebble.directory, externalAccount: null }],
      extraRoots: pebble.caPem,
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}
