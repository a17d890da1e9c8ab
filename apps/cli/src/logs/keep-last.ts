// The last `count` items of a history, given out at its end; what comes later passes through. Pure state.

export interface LastItems<T> {
  push(item: T): void;
  /** The history is over. Idempotent. */
  release(): void;
}

/** With `Infinity` nothing is ever held. */
export function keepLast<T>(count: number, onItem: (item: T) => void): LastItems<T> {
  let released = count === Infinity;
  let held: T[] = [];
  return {
    push: (item) => {
      if (released) return onItem(item);
      held.push(item);
      // Cut in blocks: a shift for each line of a long history is quadratic.
      if (held.length >= 2 * count + 1) held = held.slice(held.length - count);
    },
    release: () => {
      if (released) return;
      released = true;
      const last = count === 0 ? [] : held.slice(-count);
      held = [];
      last.forEach(onItem);
    },
  };
}
