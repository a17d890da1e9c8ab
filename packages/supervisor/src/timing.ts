// Waits with an end, on the global timers (so that tests may fake them); knows nothing of what is waited for.
// Nothing here rejects: an abort ends the wait early, and the caller looks at its signal.

/** Resolves after `ms`, or as soon as the signal aborts; leaves no timer and no listener behind. */
export function sleep(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end, { once: true });
  });
}

export type WaitResult<T> = { readonly kind: 'done'; readonly value: T } | { readonly kind: 'late' };

/** The promise's value, or `late` after `ms` or at the abort. The promise must not reject. */
export async function within<T>(
  promise: Promise<T>,
  ms: number,
  signal?: AbortSignal,
): Promise<WaitResult<T>> {
  const ended = new AbortController();
  const stop = signal === undefined ? ended.signal : AbortSignal.any([signal, ended.signal]);
  try {
    return await Promise.race([
      promise.then((value) => ({ kind: 'done', value }) as const),
      sleep(ms, stop).then(() => ({ kind: 'late' }) as const),
    ]);
  } finally {
    ended.abort();
  }
}
