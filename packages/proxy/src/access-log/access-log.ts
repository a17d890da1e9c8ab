// The access log: a line per request, written in batches. `off` costs nothing.
import type { Limits } from '../limits.ts';
import type { Clock } from '../timing/clock.ts';
import type { DataPlaneLog } from '../data-plane.types.ts';
import type { LogFacts } from './log-facts.ts';
import { formatLogLine } from './log-line.ts';
import { LogSink } from './log-sink.ts';

export interface AccessLog {
  /** False: what is written goes nowhere. */
  readonly isOn: boolean;
  readonly write: (facts: LogFacts) => void;
  readonly reopen: () => void;
  readonly dropped: () => number;
  readonly close: () => Promise<void>;
}

export interface AccessLogOptions {
  /** `off`, `stdout`, or the path of a file. */
  readonly to: string;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly log: DataPlaneLog;
}

export function createAccessLog({ to, limits, clock, log }: AccessLogOptions): AccessLog {
  if (to === 'off') {
    return {
      isOn: false,
      write: () => undefined,
      reopen: () => undefined,
      dropped: () => 0,
      close: async () => undefined,
    };
  }
  let failing = false;
  const sink = new LogSink({
    destination: to === 'stdout' ? { kind: 'stdout' } : { kind: 'file', path: to },
    bufferBytesMax: limits.accessLogBufferBytesMax,
    failed: (error) => {
      // The flip, not each tick: a full disk would otherwise fill the other log as well.
      if (!failing) log.warn({ reason: error.message }, 'access log could not be written');
      failing = true;
    },
  });
  let cancel: (() => void) | null = null;
  const flush = (): void => {
    cancel = null;
    sink.flush();
    if (sink.hasPending) cancel = clock.after(limits.accessLogFlushMs, flush);
  };
  return {
    isOn: true,
    write: (facts) => {
      sink.push(formatLogLine(facts, { time: new Date().toISOString(), textMax: limits.accessLogTextMax }));
      cancel ??= clock.after(limits.accessLogFlushMs, flush);
    },
    reopen: () => {
      failing = false;
      sink.reopen();
    },
    dropped: () => sink.dropped,
    close: async () => {
      cancel?.();
      cancel = null;
      await sink.close();
    },
  };
}
