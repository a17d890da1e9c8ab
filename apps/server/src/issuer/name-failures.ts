// What went wrong for each name and when it is tried again, remembered across restarts.
import type { AcmeNameRecord } from '@tako/store';
import type { NameStorage } from './issuer-storage.ts';
import { issuerLimits } from './limits.ts';
import { retryDelayMs } from './retry-table.ts';

export interface NameFailuresDeps {
  readonly storage: NameStorage;
  readonly nowMs: () => number;
  readonly chance: () => number;
}

export class NameFailures {
  readonly #deps: NameFailuresDeps;
  #records: ReadonlyMap<string, AcmeNameRecord> = new Map();

  constructor(deps: NameFailuresDeps) {
    this.#deps = deps;
  }

  get all(): ReadonlyMap<string, AcmeNameRecord> {
    return this.#records;
  }

  /** Another server may have tried. Names that nobody wants are forgotten. */
  async read(isWanted: (name: string) => boolean): Promise<void> {
    const records = new Map<string, AcmeNameRecord>();
    for (const record of await this.#deps.storage.list()) {
      if (isWanted(record.name)) records.set(record.name, record);
      else await this.#deps.storage.delete(record.name);
    }
    this.#records = records;
  }

  /** All with one wait, so that names that failed together are tried together. */
  async record(names: readonly string[], message: string, askedMs = 0): Promise<AcmeNameRecord[]> {
    const { storage, nowMs, chance } = this.#deps;
    const failures = Math.max(0, ...names.map((name) => this.#records.get(name)?.failures ?? 0)) + 1;
    const now = nowMs();
    const nextTryAt = now + retryDelayMs(failures, chance(), askedMs);
    const lastError = message.slice(0, issuerLimits.errorCharsMax);
    const records = names.map((name) => ({ name, failures, lastTriedAt: now, nextTryAt, lastError }));
    for (const record of records) await storage.put(record);
    this.#records = new Map([...this.#records, ...records.map((record) => [record.name, record] as const)]);
    return records;
  }

  async clear(names: readonly string[]): Promise<void> {
    const known = names.filter((name) => this.#records.has(name));
    for (const name of known) await this.#deps.storage.delete(name);
    const left = new Map(this.#records);
    for (const name of known) left.delete(name);
    this.#records = left;
  }
}
