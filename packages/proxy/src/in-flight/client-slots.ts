// Requests in flight per client address. Addresses without any are forgotten, though not at once: a client that asks
// one thing after the other would be entered and removed with every request.

/** The count of one address; held by each of its requests. */
export interface ClientSlot {
  held: number;
}

/** Addresses without requests that may be kept before they are looked through. */
const emptyKeptMax = 1_024;

export class ClientSlots {
  readonly #slots = new Map<string, ClientSlot>();
  #empty = 0;

  /** Addresses with requests in flight. */
  get clients(): number {
    return this.#slots.size - this.#empty;
  }

  /** Null when the client holds `max` already. */
  acquire(address: string, max: number): ClientSlot | null {
    const slot = this.#slots.get(address);
    if (slot === undefined) return max > 0 ? this.#enter(address) : null;
    if (slot.held >= max) return null;
    if (slot.held === 0) this.#empty -= 1;
    slot.held += 1;
    return slot;
  }

  /** Once per slot acquired. */
  release(slot: ClientSlot): void {
    slot.held -= 1;
    if (slot.held > 0) return;
    this.#empty += 1;
    if (this.#empty > emptyKeptMax) this.#forgetEmpty();
  }

  #enter(address: string): ClientSlot {
    const slot = { held: 1 };
    this.#slots.set(address, slot);
    return slot;
  }

  #forgetEmpty(): void {
    for (const [address, slot] of this.#slots) if (slot.held === 0) this.#slots.delete(address);
    this.#empty = 0;
  }
}
