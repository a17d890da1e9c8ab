// Keeps the totals over a restart of the daemon: a file in the run directory, which goes with the machine's boot, as
// counters may. Not synced: a power loss ends every plane, too.
import { readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { errorCode } from '../files/durable-file.ts';
import { metricsSaveIntervalMs } from '../limits.ts';
import type { Log } from '../log.ts';
import { MetricsTotals, savedMetricsSchema } from './metrics-totals.ts';

const fileOf = (runDir: string): string => path.join(runDir, 'metrics.json');

/** `living`: the workers of the daemon before that go on. What cannot be read counts as nothing, and is said. */
export async function loadTotals(
  runDir: string,
  living: ReadonlySet<number>,
  log: Log,
): Promise<MetricsTotals> {
  try {
    const saved = savedMetricsSchema.parse(JSON.parse(await readFile(fileOf(runDir), 'utf8')));
    return new MetricsTotals(saved, living);
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') log.warn({ err: error }, 'counters of the daemon before were lost');
    return new MetricsTotals();
  }
}

export interface MetricsKeeping {
  /** Now, too: what a scraper was shown must not be less after a kill. Never rejects. */
  save(): Promise<void>;
  /** Saves once more, and no more after it: another daemon may own the file from here on. */
  close(): Promise<void>;
}

export function keepTotals(totals: MetricsTotals, runDir: string, log: Log): MetricsKeeping {
  const file = fileOf(runDir);
  let last = '';
  let failing = false;
  let saving: Promise<void> = Promise.resolve();

  async function save(): Promise<void> {
    const text = JSON.stringify(totals.saved);
    if (text === last) return;
    try {
      await writeFile(`${file}.tmp`, text, { mode: 0o600 });
      await rename(`${file}.tmp`, file);
      last = text;
      failing = false;
    } catch (error) {
      // The flip, not each try: a full run directory would fill the log as well.
      if (!failing) log.warn({ err: error }, 'counters could not be saved');
      failing = true;
    }
  }

  const saveInTurn = (): Promise<void> => (saving = saving.then(save));
  const timer = setInterval(() => void saveInTurn(), metricsSaveIntervalMs);
  timer.unref();
  let closing: Promise<void> | null = null;
  return {
    save: async () => (closing === null ? saveInTurn() : undefined),
    close: () => {
      clearInterval(timer);
      return (closing ??= saveInTurn());
    },
  };
}
