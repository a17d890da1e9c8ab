// Watches one exchange for standstill: a request body that does not come or comes too slowly while we are ready to
// read, a response that the client does not take. No timer of its own: one entry in the wheel.
import type { Limits } from '../../limits.ts';
import type { Clock } from '../../timing/clock.ts';
import type { Deadline, DeadlineWheel } from '../../timing/deadline-wheel.ts';

export interface BodyWatchEvents {
  readonly bodyStalled: () => void;
  readonly responseStalled: () => void;
}

export class BodyWatch {
  readonly #limits: Limits;
  readonly #clock: Clock;
  readonly #events: BodyWatchEvents;
  readonly #deadline: Deadline;
  /** When reading was last resumed or a chunk last came; null = no body is due, or reading is paused. */
  #readingSince: number | null = null;
  #windowStart = 0;
  #windowBytes = 0;
  #stuckSince: number | null = null;
  #isAnswered = false;

  constructor(deps: { limits: Limits; clock: Clock; wheel: DeadlineWheel }, events: BodyWatchEvents) {
    this.#limits = deps.limits;
    this.#clock = deps.clock;
    this.#events = events;
    this.#deadline = deps.wheel.create(() => this.#look());
  }

  reading(): void {
    const now = this.#clock.now();
    this.#readingSince = now;
    this.#windowStart = now;
    this.#windowBytes = 0;
    this.#arm(now);
  }

  received(bytes: number): void {
    if (this.#readingSince === null) return;
    this.#readingSince = this.#clock.now();
    this.#windowBytes += bytes;
  }

  /** Paused by us, or complete: the client owes nothing. */
  notReading(): void {
    this.#readingSince = null;
  }

  /** An answer is under way: a body that trickles beside it is a conversation, and the upstream side's idle limit holds. */
  answering(): void {
    this.#isAnswered = true;
  }

  stuck(): void {
    if (this.#stuckSince !== null) return;
    const now = this.#clock.now();
    this.#stuckSince = now;
    this.#arm(now);
  }

  unstuck(): void {
    this.#stuckSince = null;
  }

  close(): void {
    this.#deadline.end();
    this.#readingSince = null;
    this.#stuckSince = null;
  }

  #arm(now: number): void {
    this.#deadline.set(now + Math.min(this.#limits.bodyIdleTimeoutMs, this.#limits.bodyRateWindowMs));
  }

  #look(): void {
    const now = this.#clock.now();
    if (this.#stuckSince !== null && now - this.#stuckSince >= this.#limits.bodyIdleTimeoutMs) {
      this.#events.responseStalled();
      return;
    }
    if (this.#readingSince !== null && this.#isTooSlow(now, this.#readingSince)) {
      this.#events.bodyStalled();
      return;
    }
    if (this.#readingSince !== null || this.#stuckSince !== null) this.#arm(now);
  }

  #isTooSlow(now: number, readingSince: number): boolean {
    if (this.#isAnswered) return false;
    if (now - readingSince >= this.#limits.bodyIdleTimeoutMs) return true;
    const windowMs = now - this.#windowStart;
    if (windowMs < this.#limits.bodyRateWindowMs) return false;
    const isSlow = this.#windowBytes * 1_000 < this.#limits.bodyBytesPerSecondMin * windowMs;
    this.#windowStart = now;
    this.#windowBytes = 0;
    return isSlow;
  }
}
