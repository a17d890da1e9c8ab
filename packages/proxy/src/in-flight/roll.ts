// Who is present: members come and go at any rate, in no order. In place of a Set where members are short-lived: V8
// links each outgrown table of a Set to its successor, so a table that reached the old generation keeps those after
// it alive, and their members with them (docs/performance.md: 37 % of all garbage was promoted that way).

/** A member's place; given back to leave. */
export interface Seat<T> {
  readonly member: T;
  /** Where it sits; the roll's own. */
  index: number;
}

export class Roll<T> implements Iterable<T> {
  readonly #seats: Seat<T>[] = [];

  get size(): number {
    return this.#seats.length;
  }

  add(member: T): Seat<T> {
    const seat = { member, index: this.#seats.length };
    this.#seats.push(seat);
    return seat;
  }

  /** Once per seat; its place is taken by the last one. */
  remove(seat: Seat<T>): void {
    if (this.#seats[seat.index] !== seat) throw new Error('A seat is given back once');
    const last = this.#seats.pop();
    if (last === undefined || last === seat) return;
    this.#seats[seat.index] = last;
    last.index = seat.index;
  }

  *[Symbol.iterator](): Iterator<T> {
    for (const { member } of this.#seats) yield member;
  }
}
