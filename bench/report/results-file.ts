// The results as files: JSON to go on from, a table and a plot. A run of some workloads replaces those and keeps the
// rest, so that the whole can be made of short pieces.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { plotRatios } from './plot.ts';
import type { RunResult } from './result.ts';
import { formatTables } from './table.ts';

/** `order`: ids of all workloads, as they are to appear. */
export async function saveResults(dir: string, run: RunResult, order: readonly string[]): Promise<string> {
  const merged = merge(await readResults(dir), run, order);
  const tables = formatTables(merged);
  await mkdir(dir, { recursive: true });
  await writeFile(path.join(dir, 'results.json'), `${JSON.stringify(merged, null, 2)}\n`);
  await writeFile(path.join(dir, 'README.md'), `${tables}\n![CPU against nginx](ratios.svg)\n`);
  await writeFile(path.join(dir, 'ratios.svg'), plotRatios(merged));
  return tables;
}

async function readResults(dir: string): Promise<RunResult | null> {
  const text = await readFile(path.join(dir, 'results.json'), 'utf8').catch(() => null);
  return text === null ? null : (JSON.parse(text) as RunResult);
}

function merge(before: RunResult | null, run: RunResult, order: readonly string[]): RunResult {
  if (before === null) return run;
  const measured = new Map([...before.workloads, ...run.workloads].map((result) => [result.id, result]));
  const titles = new Map([...before.workers, ...run.workers].map((result) => [result.title, result]));
  return {
    ...run,
    workloads: order.flatMap((id) => measured.get(id) ?? []),
    memory: run.memory ?? before.memory,
    workers: [...titles.values()],
  };
}
