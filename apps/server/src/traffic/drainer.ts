// Drains one instance over all living planes: asks each, adds up their answers, gives up on the silent ones.
import type { ControlMessage } from '@tako/proxy';
import { drainReportGraceMs } from '../limits.ts';

export interface DrainReport {
  /** WebSockets and streams ended properly at the deadline. */
  readonly endedStreams: number;
  readonly cutConnections: number;
  readonly durationMs: number;
}

export interface DrainSink {
  send(message: ControlMessage): void;
  living(): readonly number[];
}

interface Drain {
  readonly waitingFor: Set<number>;
  endedStreams: number;
  cutConnections: number;
  readonly finish: () => void;
}

export class Drainer {
  readonly #sink: DrainSink;
  readonly #drains = new Map<string, Drain>();

  constructor(sink: DrainSink) {
    this.#sink = sink;
  }

  /** Resolves when every plane said `drained` or died, at the latest shortly after the deadline. Never rejects. */
  async drain(instance: string, deadlineMs: number): Promise<DrainReport> {
    const startedAt = performance.now();
    const { promise, resolve } = Promise.withResolvers<void>();
    const drain: Drain = {
      waitingFor: new Set(this.#sink.living()),
      endedStreams: 0,
      cutConnections: 0,
      finish: resolve,
    };
    this.#drains.set(instance, drain);
    const timer = setTimeout(resolve, deadlineMs + drainReportGraceMs);
    this.#sink.send({ type: 'drain', instance, deadlineMs });
    if (drain.waitingFor.size === 0) resolve();
    await promise;
    clearTimeout(timer);
    this.#drains.delete(instance);
    const { endedStreams, cutConnections } = drain;
    return { endedStreams, cutConnections, durationMs: Math.round(performance.now() - startedAt) };
  }

  drained(plane: number, report: { instance: string; endedStreams: number; cutConnections: number }): void {
    const drain = this.#drains.get(report.instance);
    if (drain === undefined || !drain.waitingFor.delete(plane)) return;
    drain.endedStreams += report.endedStreams;
    drain.cutConnections += report.cutConnections;
    if (drain.waitingFor.size === 0) drain.finish();
  }

  /** A plane that died holds nothing any more. */
  forget(plane: number): void {
    for (const drain of this.#drains.values()) {
      if (drain.waitingFor.delete(plane) && drain.waitingFor.size === 0) drain.finish();
    }
  }
}
