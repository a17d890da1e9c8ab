// A deployment's lease as a resource: renewed while held, released with its scope (spec 30, step 3).
import type { TakoError } from '@tako/config';
import { withLock, type HeldLock } from '@tako/protocol/client';
import type { LockHolder } from '@tako/protocol';
import type { ServerSession } from '../servers/session.ts';

export interface HoldOptions {
  readonly deploymentId: string;
  readonly holder: LockHolder;
  /** How long to wait for another holder, in ms. */
  readonly waitMs: number;
  readonly onWaiting: (locked: TakoError) => void;
  readonly signal: AbortSignal;
}

export type Lease = HeldLock & AsyncDisposable;

/** Errors: DEPLOYMENT_LOCKED. `signal` of the lease aborts when it was lost. */
export async function holdLease(session: ServerSession, options: HoldOptions): Promise<Lease> {
  const acquired = Promise.withResolvers<HeldLock>();
  const finished = Promise.withResolvers<void>();
  // The api of whatever connection there is: a lease goes on over the next one.
  const client = {
    get api() {
      return session.client.api;
    },
  };
  const done = session
    .call(() =>
      withLock(client, options, async (lock: HeldLock) => {
        acquired.resolve(lock);
        await finished.promise;
      }),
    )
    .catch((error: unknown) => acquired.reject(error));
  const lock = await acquired.promise;
  return {
    ...lock,
    [Symbol.asyncDispose]: async () => {
      finished.resolve();
      await done;
    },
  };
}
