// A coarse wheel for the many deadlines of connections and requests: moving one costs an assignment, not a timer.
// Fires late by at most two ticks, never early. Knows nothing of what expires.
import type { Clock } from './clock.ts';

const slotCount = 512;

export interface Deadline {
  /** Moves the deadline; `Infinity` disarms it. */
  readonly set: (atMs: number) => void;
  readonly clear: () => void;
  /** Clears it for good and lets go of what it would fire, which its place in the wheel keeps for many seconds else. */
  readonly end: () => void;
}

interface Entry {
  dueAt: number;
  /** The tick whose slot holds the live copy; -1 = in none. */
  tick: number;
  fire: () => void;
}

const nothing = (): void => undefined;

export class DeadlineWheel {
  readonly #clock: Clock;
  readonly #tickMs: number;
  readonly #slots: Entry[][] = Array.from({ length: slotCount }, () => []);
  #current: number;
  #held = 0;
  #stop: (() => void) | null = null;

  constructor(clock: Clock, tickMs: number) {
    this.#clock = clock;
    this.#tickMs = tickMs;
    this.#current = this.#tickOf(clock.now());
  }

  /** Entries in the slots, moved and cleared ones included until their slot comes by. */
  get size(): number {
    return this.#held;
  }

  create(fire: () => void): Deadline {
    const entry: Entry = { dueAt: Infinity, tick: -1, fire };
    return {
      set: (atMs) => this.#set(entry, atMs),
      clear: () => {
        entry.dueAt = Infinity;
      },
      end: () => {
        entry.dueAt = Infinity;
        entry.fire = nothing;
      },
    };
  }

  close(): void {
    this.#stop?.();
    this.#stop = null;
    for (const slot of this.#slots) slot.length = 0;
    this.#held = 0;
  }

  #tickOf(atMs: number): number {
    return Math.floor(atMs / this.#tickMs);
  }

  #set(entry: Entry, atMs: number): void {
    entry.dueAt = atMs;
    if (atMs === Infinity) return;
    if (this.#held === 0) this.#current = this.#tickOf(this.#clock.now());
    const tick = Math.min(Math.max(this.#tickOf(atMs) + 1, this.#current + 1), this.#current + slotCount - 1);
    // A copy that comes by earlier finds the later deadline and moves on; only an earlier one needs a new place.
    if (entry.tick !== -1 && entry.tick <= tick) return;
    entry.tick = tick;
    this.#slots[tick % slotCount]?.push(entry);
    this.#held += 1;
    this.#stop ??= this.#clock.after(this.#tickMs, () => this.#turn());
  }

  #turn(): void {
    this.#stop = null;
    const now = this.#clock.now();
    const last = this.#tickOf(now);
    const due: Entry[] = [];
    while (this.#current < last) {
      this.#current += 1;
      this.#collect(this.#current, due);
    }
    for (const entry of due) {
      if (entry.dueAt > now) {
        this.#set(entry, entry.dueAt);
      } else {
        entry.dueAt = Infinity;
        entry.fire();
      }
    }
    if (this.#held > 0) this.#stop ??= this.#clock.after(this.#tickMs, () => this.#turn());
  }

  #collect(tick: number, due: Entry[]): void {
    const slot = this.#slots[tick % slotCount];
    if (slot === undefined || slot.length === 0) return;
    // Others in the slot are stale copies of entries that were moved to an earlier slot.
    for (const entry of slot) {
      if (entry.tick !== tick) continue;
      entry.tick = -1;
      due.push(entry);
    }
    this.#held -= slot.length;
    slot.length = 0;
  }
}
