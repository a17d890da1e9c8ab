// Work under the lease of its names: renewed while it runs, ended early when it is lost, given back at the end.
import { issuerLimits } from './limits.ts';
import type { NameLocks } from './issuer-storage.ts';

export type LockedWork<T> = { readonly kind: 'done'; readonly value: T } | { readonly kind: 'held' };

/** `held` when another process is at one of them. The work's signal aborts with the outer one, or when the lease is lost. */
export async function withNameLock<T>(
  locks: NameLocks,
  names: readonly string[],
  run: { readonly signal: AbortSignal; readonly work: (signal: AbortSignal) => Promise<T> },
): Promise<LockedWork<T>> {
  const lock = await locks.acquire(names);
  if (lock === null) return { kind: 'held' };
  const own = new AbortController();
  const abort = (): void => own.abort();
  run.signal.addEventListener('abort', abort, { once: true });
  if (run.signal.aborted) abort();
  const timer = setInterval(() => {
    lock.renew().then(
      (isOurs) => {
        if (!isOurs) abort();
      },
      // The storage is away: another may take the lease when it ends.
      abort,
    );
  }, issuerLimits.nameLeaseRenewMs);
  try {
    return { kind: 'done', value: await run.work(own.signal) };
  } finally {
    clearInterval(timer);
    run.signal.removeEventListener('abort', abort);
    await lock.release();
  }
}
