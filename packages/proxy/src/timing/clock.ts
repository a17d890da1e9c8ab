// Time as the data plane sees it: a monotonic now and one-shot timers, both replaceable in tests.
// Imported: the global is looked up and checked at each use.
import { performance } from 'node:perf_hooks';

export interface Clock {
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** Runs `fire` once; the timer keeps no process alive. Returns its cancel, idempotent. */
  readonly after: (milliseconds: number, fire: () => void) => () => void;
}

/**
 * Reading the time costs more than anything else of its size (80 ns where the hypervisor has a say), and a request asks
 * for it nine times. So it is read once in a turn of the event loop, as libuv itself does for timers: what happens in
 * one turn happens at one time.
 */
export function createSystemClock(): Clock {
  let turn = 0;
  let isKnown = false;
  const forget = (): void => {
    isKnown = false;
  };
  return {
    now: () => {
      if (isKnown) return turn;
      isKnown = true;
      // Runs after the events of this turn, before those of the next.
      setImmediate(forget);
      turn = performance.now();
      return turn;
    },
    after: (milliseconds, fire) => {
      const timer = setTimeout(fire, milliseconds);
      timer.unref();
      return () => clearTimeout(timer);
    },
  };
}
