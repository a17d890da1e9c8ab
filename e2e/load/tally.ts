// Counts outcomes and makes the report. Every unit that was begun is counted once, so
// sent = ok + told + failed when the run is over.
import { LatencyHistogram, type LatencySummary } from './latency-histogram.ts';
import { FAILURES_DESCRIBED_MAX } from './limits.ts';
import { type Kind, type Outcome, kinds } from './outcome.ts';

export interface Counts {
  readonly sent: number;
  readonly ok: number;
  readonly told: number;
  readonly failed: number;
}

export interface KindReport extends Counts, LatencySummary {
  readonly bytes: number;
  /** Echoes and events that were right. */
  readonly messages: number;
}

export interface FailureReport {
  /** Since the start of the run. */
  readonly atMs: number;
  readonly kind: Kind;
  readonly stage: string;
  readonly reason: string;
  readonly afterMs: number;
  readonly reused: boolean;
  readonly received: Readonly<Record<string, string | number | null>>;
}

export interface Report extends Counts {
  readonly durationMs: number;
  readonly byKind: Readonly<Partial<Record<Kind, KindReport>>>;
  /** `kind stage reason` → how often. */
  readonly reasons: Readonly<Record<string, number>>;
  readonly failures: readonly FailureReport[];
  /** Units by the version and by the process that answered. */
  readonly versions: Readonly<Record<string, number>>;
  readonly pids: Readonly<Record<string, number>>;
}

interface KindTally {
  readonly counts: { sent: number; ok: number; told: number; failed: number };
  readonly latency: LatencyHistogram;
  bytes: number;
  messages: number;
}

export class Tally {
  readonly #byKind = new Map<Kind, KindTally>();
  readonly #reasons = new Map<string, number>();
  readonly #versions = new Map<string, number>();
  readonly #pids = new Map<string, number>();
  readonly #failures: FailureReport[] = [];
  readonly #startedAt = performance.now();

  /** Units of the kinds that have ended. */
  ended(of: readonly Kind[]): number {
    return of.reduce((sum, kind) => {
      const counts = this.#byKind.get(kind)?.counts;
      return counts === undefined ? sum : sum + counts.ok + counts.told + counts.failed;
    }, 0);
  }

  /** Call when a unit begins; call the result, once, with what became of it. */
  begin(kind: Kind): (outcome: Outcome) => void {
    const tally = this.#of(kind);
    const begunAt = performance.now();
    tally.counts.sent += 1;
    return (outcome) => {
      const durationMs = performance.now() - begunAt;
      tally.counts[outcome.kind] += 1;
      tally.bytes += outcome.received.bytes;
      tally.messages += outcome.received.messages;
      if (outcome.kind === 'ok') tally.latency.add(durationMs);
      if (outcome.received.version !== null) increment(this.#versions, outcome.received.version);
      if (outcome.received.pid !== null) increment(this.#pids, outcome.received.pid);
      if (outcome.kind === 'failed') this.#fail(kind, outcome, durationMs);
    };
  }

  report(): Report {
    const byKind: Partial<Record<Kind, KindReport>> = {};
    const sum = { sent: 0, ok: 0, told: 0, failed: 0 };
    for (const kind of kinds) {
      const tally = this.#byKind.get(kind);
      if (tally === undefined) continue;
      byKind[kind] = {
        ...tally.counts,
        bytes: tally.bytes,
        messages: tally.messages,
        ...tally.latency.summary(),
      };
      for (const name of ['sent', 'ok', 'told', 'failed'] as const) sum[name] += tally.counts[name];
    }
    return {
      durationMs: Math.round(performance.now() - this.#startedAt),
      ...sum,
      byKind,
      reasons: Object.fromEntries(this.#reasons),
      failures: [...this.#failures],
      versions: Object.fromEntries(this.#versions),
      pids: Object.fromEntries(this.#pids),
    };
  }

  #of(kind: Kind): KindTally {
    const existing = this.#byKind.get(kind);
    if (existing !== undefined) return existing;
    const created: KindTally = {
      counts: { sent: 0, ok: 0, told: 0, failed: 0 },
      latency: new LatencyHistogram(),
      bytes: 0,
      messages: 0,
    };
    this.#byKind.set(kind, created);
    return created;
  }

  #fail(kind: Kind, outcome: Extract<Outcome, { kind: 'failed' }>, durationMs: number): void {
    increment(this.#reasons, `${kind} ${outcome.stage} ${outcome.reason}`);
    if (this.#failures.length >= FAILURES_DESCRIBED_MAX) return;
    this.#failures.push({
      atMs: Math.round(performance.now() - this.#startedAt),
      kind,
      stage: outcome.stage,
      reason: outcome.reason,
      afterMs: Math.round(durationMs),
      reused: outcome.reused,
      received: { ...outcome.received },
    });
  }
}

function increment(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}
