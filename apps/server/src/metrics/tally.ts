// Sums of counters that several planes count each for itself, and that never fall: not when a plane dies, not when one
// begins again at zero. Pure.

export type Figures = Readonly<Record<string, number>>;

export interface SavedTally {
  readonly total: Figures;
  /** The last word of each plane, by its id. */
  readonly last: Readonly<Record<string, Figures>>;
}

export class Tally {
  readonly #total: Map<string, number>;
  readonly #last = new Map<number, Figures>();

  /** `saved`: of an earlier daemon; only the last words of `living` planes count on. */
  constructor(saved?: SavedTally, living: ReadonlySet<number> = new Set()) {
    this.#total = new Map(Object.entries(saved?.total ?? {}));
    for (const [plane, figures] of Object.entries(saved?.last ?? {}))
      if (living.has(Number(plane))) this.#last.set(Number(plane), figures);
  }

  /** What a plane has counted since its start. */
  report(plane: number, figures: Figures): void {
    const last = this.#last.get(plane) ?? {};
    for (const [name, value] of Object.entries(figures)) {
      const before = last[name] ?? 0;
      this.add(name, value < before ? value : value - before);
    }
    this.#last.set(plane, figures);
  }

  add(name: string, count: number): void {
    this.#total.set(name, (this.#total.get(name) ?? 0) + count);
  }

  forgetPlane(plane: number): void {
    this.#last.delete(plane);
  }

  get(name: string): number {
    return this.#total.get(name) ?? 0;
  }

  /** Those whose names begin so, without that beginning. */
  under(prefix: string): [string, number][] {
    return [...this.#total].flatMap(([name, value]) =>
      name.startsWith(prefix) ? [[name.slice(prefix.length), value] as [string, number]] : [],
    );
  }

  get saved(): SavedTally {
    return { total: Object.fromEntries(this.#total), last: Object.fromEntries(this.#last) };
  }
}
