// What every client of a run shares: the target, the tally, and whether to go on.
import { setTimeout as sleep } from 'node:timers/promises';
import { PAUSE_AFTER_FAILURE_MS } from './limits.ts';
import type { Kind, Outcome } from './outcome.ts';
import type { Tally } from './tally.ts';
import type { Target } from './target.ts';

export interface ClientContext {
  readonly target: Target;
  readonly tally: Tally;
  /** Aborted by stop(): begin nothing new, end what can be ended. */
  readonly stopping: AbortSignal;
  /** Aborted when stopping has taken too long: what is under way has failed. */
  readonly cutOff: AbortSignal;
  /** Takes one from the run's number of small requests; false when none is left. */
  takeRequest(): boolean;
  /** A number that differs for each unit of the run. */
  nextSeed(): number;
}

/** Begins units of a kind until the run stops. A failure is followed by a short pause, `thinkMs` by any. */
export async function repeatUnits(
  context: ClientContext,
  kind: Kind,
  options: {
    readonly unit: () => Promise<Outcome>;
    readonly mayBegin?: () => boolean;
    readonly thinkMs?: number;
  },
): Promise<void> {
  while (!context.stopping.aborted && (options.mayBegin?.() ?? true)) {
    const end = context.tally.begin(kind);
    const outcome = await options.unit();
    end(outcome);
    await pause(context, outcome.kind === 'failed' ? PAUSE_AFTER_FAILURE_MS : (options.thinkMs ?? 0));
  }
}

/** Ends early when the run stops. */
export async function pause(context: ClientContext, ms: number): Promise<void> {
  if (ms === 0) return;
  await sleep(ms, undefined, { signal: context.stopping }).catch(() => undefined);
}
