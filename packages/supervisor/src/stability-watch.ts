// Waits for an instance to stay healthy for a while. Knows only that it left health, not why.
import { sleep } from './timing.ts';

export type StabilityResult = 'stable' | 'left' | 'calledOff';

export class StabilityWatch {
  readonly #waits = new Set<AbortController>();

  /** Counted from now. Never rejects. */
  async wait(durationMs: number, signal: AbortSignal): Promise<StabilityResult> {
    const left = new AbortController();
    this.#waits.add(left);
    await sleep(durationMs, AbortSignal.any([signal, left.signal]));
    this.#waits.delete(left);
    if (left.signal.aborted) return 'left';
    return signal.aborted ? 'calledOff' : 'stable';
  }

  /** It is not healthy any more, however short that may be. */
  left(): void {
    for (const wait of this.#waits) wait.abort();
  }
}
