// Power of two choices over in-flight counts, round robin between equals. Pure but for the cursor given to it.
import type { Instance } from '../serving/instance.ts';

export interface PickState {
  /** Where round robin stands; advanced by each pick. */
  cursor: number;
}

/** Null when none of them is available. `random` gives [0, 1). */
export function pickInstance(
  pool: readonly Instance[],
  state: PickState,
  { nowMs, random }: { readonly nowMs: number; readonly random: () => number },
): Instance | null {
  const count = pool.length;
  if (count === 0) return null;
  state.cursor = (state.cursor + 1) % count;
  const first = pool[state.cursor];
  if (first === undefined) return null;
  if (count === 1) return first.isAvailable(nowMs) ? first : null;
  // The first comes in turn, the second by chance among the others; only strictly fewer in flight wins for it.
  const offset = 1 + Math.floor(random() * (count - 1));
  const second = pool[(state.cursor + offset) % count] ?? first;
  const better = second.inFlight.size < first.inFlight.size ? second : first;
  return better.isAvailable(nowMs) ? better : leastLoaded(pool, nowMs);
}

function leastLoaded(pool: readonly Instance[], nowMs: number): Instance | null {
  let best: Instance | null = null;
  for (const instance of pool) {
    if (!instance.isAvailable(nowMs)) continue;
    if (best === null || instance.inFlight.size < best.inFlight.size) best = instance;
  }
  return best;
}
