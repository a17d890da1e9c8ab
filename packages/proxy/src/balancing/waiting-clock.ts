// Moves the waiting rooms that are not empty: overdue waiters fail, others try again (an instance may have rested
// enough). One timer for all rooms, none while they are empty.
import type { Deployment } from '../serving/deployment.ts';
import type { Clock } from '../timing/clock.ts';

const tickMs = 100;

export class WaitingClock {
  readonly #clock: Clock;
  readonly #occupied = new Set<Deployment>();
  #cancel: (() => void) | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Requests waiting, over all deployments. */
  get waiting(): number {
    let sum = 0;
    for (const deployment of this.#occupied) sum += deployment.waiting.size;
    return sum;
  }

  attend(deployment: Deployment): void {
    this.#occupied.add(deployment);
    this.#cancel ??= this.#clock.after(tickMs, () => this.#tick());
  }

  close(): void {
    this.#cancel?.();
    this.#cancel = null;
    this.#occupied.clear();
  }

  #tick(): void {
    this.#cancel = null;
    const now = this.#clock.now();
    for (const deployment of this.#occupied) {
      deployment.waiting.failOverdue(now);
      deployment.waiting.retryAll();
      if (deployment.waiting.size > 0) continue;
      // Nobody waits for the wake that was said: the next request says it anew.
      deployment.wakeSaid = false;
      this.#occupied.delete(deployment);
    }
    if (this.#occupied.size > 0) this.#cancel ??= this.#clock.after(tickMs, () => this.#tick());
  }
}
