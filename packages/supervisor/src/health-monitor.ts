// Probes a started instance at its interval, and at once when somebody suspects it; counts failures in a row.
// Knows nothing of states: what a count leads to is its owner's decision.
import type { ProbeResult } from './instance.types.ts';
import { limits } from './limits.ts';

export interface HealthReport {
  readonly result: ProbeResult;
  readonly failuresInARow: number;
  /** All failures of this row were time-outs: slow, not gone (spec 40). */
  readonly timeoutsOnly: boolean;
}

export interface HealthMonitorOptions {
  readonly intervalMs: number;
  readonly probe: () => Promise<ProbeResult>;
  readonly onReport: (report: HealthReport) => void;
  /** Ends it: no timer is left, and a probe on its way is not reported. */
  readonly signal: AbortSignal;
}

export class HealthMonitor {
  readonly #options: HealthMonitorOptions;
  #timer: NodeJS.Timeout | null = null;
  #probing = false;
  #suspected = false;
  #startedAt = -Infinity;
  #failuresInARow = 0;
  #timeoutsOnly = true;

  constructor(options: HealthMonitorOptions) {
    this.#options = options;
    options.signal.addEventListener('abort', () => this.#clear(), { once: true });
  }

  /** The first probe comes one interval from now. */
  start(): void {
    this.#schedule(this.#options.intervalMs);
  }

  /** Probe at once. Many suspicions are one probe, and one on its way began too early to answer a new one. */
  suspect(): void {
    if (this.#probing) this.#suspected = true;
    else this.#schedule(Math.max(0, this.#startedAt + limits.suspectGapMs - performance.now()));
  }

  #clear(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #schedule(delayMs: number): void {
    this.#clear();
    if (this.#options.signal.aborted) return;
    this.#timer = setTimeout(() => void this.#probeOnce(), delayMs);
  }

  async #probeOnce(): Promise<void> {
    this.#timer = null;
    this.#probing = true;
    this.#startedAt = performance.now();
    const result = await this.#options.probe();
    this.#probing = false;
    if (this.#options.signal.aborted) return;
    this.#count(result);
    const elapsed = performance.now() - this.#startedAt;
    const interval = this.#suspected ? limits.suspectGapMs : this.#options.intervalMs;
    this.#suspected = false;
    this.#schedule(Math.max(0, interval - elapsed));
  }

  #count(result: ProbeResult): void {
    if (result.ok) {
      this.#failuresInARow = 0;
      this.#timeoutsOnly = true;
    } else {
      this.#failuresInARow += 1;
      this.#timeoutsOnly &&= result.error?.kind === 'timeout';
    }
    const timeoutsOnly = this.#failuresInARow > 0 && this.#timeoutsOnly;
    this.#options.onReport({ result, failuresInARow: this.#failuresInARow, timeoutsOnly });
  }
}
