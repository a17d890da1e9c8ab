// Requests of one deployment that wait: for a healthy instance, for a cold start, or for the end of a pause. Bounded
// in number, held bytes and time; first come, first served. Knows no instances: a waiter tries for itself.

/** Why a waiter left without what it waited for. */
export type WaitFailure = 'timedOut' | 'startFailed' | 'stopped' | 'maintenance' | 'removed';

export interface Waiter {
  /** True when it got what it waited for and has left. */
  readonly retry: () => boolean;
  readonly fail: (reason: WaitFailure) => void;
  /** Counted against the room's bytes. */
  readonly heldBytes: number;
  readonly deadlineMs: number;
}

export interface RoomLimits {
  readonly waitersMax: number;
  readonly heldBytesMax: number;
}

export class WaitingRoom {
  readonly #waiters = new Set<Waiter>();
  #heldBytes = 0;

  get size(): number {
    return this.#waiters.size;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** False when the room is full. */
  enter(waiter: Waiter, limits: RoomLimits): boolean {
    if (this.#waiters.size >= limits.waitersMax) return false;
    if (this.#heldBytes + waiter.heldBytes > limits.heldBytesMax) return false;
    this.#waiters.add(waiter);
    this.#heldBytes += waiter.heldBytes;
    return true;
  }

  /** Idempotent. */
  leave(waiter: Waiter): void {
    if (this.#waiters.delete(waiter)) this.#heldBytes -= waiter.heldBytes;
  }

  /** Something changed: everyone tries, in order of arrival. */
  retryAll(): void {
    for (const waiter of Array.from(this.#waiters)) {
      if (this.#waiters.has(waiter) && waiter.retry()) this.leave(waiter);
    }
  }

  failAll(reason: WaitFailure): void {
    for (const waiter of Array.from(this.#waiters)) this.#fail(waiter, reason);
  }

  failOverdue(nowMs: number): void {
    for (const waiter of Array.from(this.#waiters)) {
      if (waiter.deadlineMs <= nowMs) this.#fail(waiter, 'timedOut');
    }
  }

  #fail(waiter: Waiter, reason: WaitFailure): void {
    if (!this.#waiters.has(waiter)) return;
    this.leave(waiter);
    waiter.fail(reason);
  }
}
