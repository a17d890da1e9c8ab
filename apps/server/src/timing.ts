// Waits built on the global timers (so that fake timers reach them), ended early by a signal.

/** Resolves after `ms` or when the signal aborts, whichever is first. Never rejects; look at the signal. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted || ms <= 0) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      globalThis.clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = globalThis.setTimeout(done, ms);
    signal.addEventListener('abort', done, { once: true });
  });
}

/** The promise's value, or `late` after `ms`. The promise itself goes on. */
export async function withDeadline<T, L>(promise: Promise<T>, ms: number, late: L): Promise<T | L> {
  const { promise: timeout, resolve } = Promise.withResolvers<L>();
  const timer = globalThis.setTimeout(() => resolve(late), ms);
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    globalThis.clearTimeout(timer);
  }
}
