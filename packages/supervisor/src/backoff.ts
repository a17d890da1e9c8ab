// When to start a replacement after an exit, and whether an app is in a crash loop. Pure: the caller keeps the
// state, gives the time and the chance.
import { limits } from './limits.ts';

export interface BackoffState {
  /** Exits since the last instance that was stable. */
  readonly failures: number;
  /** Times (ms) of the exits that may still count for the window. */
  readonly recentExits: readonly number[];
  /** Stays true until an instance is stable: the delays alone would thin the exits out of the window. */
  readonly crashLoop: boolean;
}

export const calmBackoff: BackoffState = Object.freeze({ failures: 0, recentExits: [], crashLoop: false });

export interface ExitObservation {
  /** ms; any clock, the same in each call. */
  readonly at: number;
  /** How long it had run, ms. */
  readonly ranMs: number;
  /** In [0, 1). */
  readonly chance: number;
}

export interface BackoffStep {
  readonly state: BackoffState;
  /** Until the next start, ms. */
  readonly delayMs: number;
}

/** 0.5 s, doubled up to 60 s, of which the upper half is left to chance, so that apps that fell together rise apart. */
function delayOf(failures: number, chance: number): number {
  const ceiling = Math.min(limits.backoffMaxMs, limits.backoffFirstMs * 2 ** Math.min(failures - 1, 30));
  return Math.max(limits.backoffFirstMs, Math.round(ceiling / 2 + (ceiling / 2) * chance));
}

/** The step after an exit that nobody asked for, or after a start that failed. */
export function nextBackoff(state: BackoffState, { at, ranMs, chance }: ExitObservation): BackoffStep {
  const from = ranMs >= limits.backoffStableMs ? calmBackoff : state;
  const failures = from.failures + 1;
  const recentExits = [...from.recentExits, at]
    .filter((exit) => at - exit < limits.crashLoopWindowMs)
    .slice(-limits.crashLoopExits);
  const crashLoop = from.crashLoop || recentExits.length >= limits.crashLoopExits;
  return { state: { failures, recentExits, crashLoop }, delayMs: delayOf(failures, chance) };
}
