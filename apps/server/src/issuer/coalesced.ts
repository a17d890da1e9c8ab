// Turns many wishes for the same work into few runs: one at a time, at least so far apart, none lost.
import { pause } from '../timing.ts';

export interface Coalesced {
  /** Resolves when a run that began after this call has ended. Never rejects. */
  request(): Promise<void>;
}

/** `work` must not reject. After the abort nothing is run, and requests resolve at once. */
export function createCoalesced(
  work: () => Promise<void>,
  spacingMs: number,
  signal: AbortSignal,
): Coalesced {
  let next: Promise<void> | null = null;
  let last: Promise<void> = Promise.resolve();
  const run = async (before: Promise<void>): Promise<void> => {
    await before;
    next = null;
    if (signal.aborted) return;
    await work();
  };
  return {
    request: () => {
      if (next === null) {
        const before = last;
        next = run(before);
        // The pause belongs to the next run: the first one is never late.
        last = next.then(() => pause(spacingMs, signal));
      }
      return next;
    },
  };
}
