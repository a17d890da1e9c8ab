// The back-off of one place: the supervisor's pure steps with the state kept between them.
import { calmBackoff, nextBackoff } from '@tako/supervisor';
import type { BackoffState } from '@tako/supervisor';

export class RestartBackoff {
  #state: BackoffState = calmBackoff;

  get crashLoop(): boolean {
    return this.#state.crashLoop;
  }

  /** After an exit that nobody asked for or a start that failed: milliseconds until the next start. */
  next(ranMs: number): number {
    const step = nextBackoff(this.#state, { at: Date.now(), ranMs, chance: Math.random() });
    this.#state = step.state;
    return step.delayMs;
  }
}
