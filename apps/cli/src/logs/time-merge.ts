// Puts items of several streams into the order of their times: all of them at first, until `release`; after it each is
// held for a window, in which older ones of the other streams may still come. Knows no logs.

export interface TimeMergeOptions<T> {
  /** What is held after the release, in ms; 0: nothing. */
  readonly windowMs: number;
  readonly onItem: (item: T) => void;
}

export interface TimeMerge<T> {
  push(item: T): void;
  /** Gives out what was collected, in order; from now on there is only the window. Idempotent. */
  release(): void;
  /** Gives out what is held. */
  end(): void;
}

interface Held<T> {
  readonly item: T;
  readonly arrivedAt: number;
}

export function createTimeMerge<T extends { readonly at: number }>(
  options: TimeMergeOptions<T>,
): TimeMerge<T> {
  let held: Held<T>[] = [];
  let released = false;
  let timer: NodeJS.Timeout | null = null;
  const flush = (until: number): void => {
    const newest = held.reduce(
      (at, { item, arrivedAt }) => (arrivedAt <= until ? Math.max(at, item.at) : at),
      -1,
    );
    // What is older than something due goes with it, though it came later.
    const ready = held.filter(({ item }) => item.at <= newest);
    held = held.filter(({ item }) => item.at > newest);
    for (const { item } of ready.toSorted((a, b) => a.item.at - b.item.at)) options.onItem(item);
  };
  const schedule = (): void => {
    if (timer !== null || held.length === 0 || !released) return;
    timer = setTimeout(() => {
      timer = null;
      flush(Date.now() - options.windowMs);
      schedule();
    }, options.windowMs);
  };
  return {
    push: (item) => {
      if (released && options.windowMs === 0) return options.onItem(item);
      held.push({ item, arrivedAt: Date.now() });
      return schedule();
    },
    release: () => {
      if (released) return;
      released = true;
      flush(Infinity);
    },
    end: () => {
      if (timer !== null) clearTimeout(timer);
      timer = null;
      flush(Infinity);
    },
  };
}
