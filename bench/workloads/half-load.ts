// Latency with room to spare: each peer at half of what it served at most. The first run of a peer, its warm-up, finds out
// what that is; what the others send comes evenly spaced, and each request is timed by itself.
import { readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { runWrk, runH1AtRate, type LoadCount } from '../measure/load-tools.ts';
import type { Workload, WorkloadInput } from './workload.ts';

const connections = 64;
const share = 0.5;

/** Requests per second at most, by port. */
const mostPerSecond = new Map<number, number>();

async function atHalf(input: WorkloadInput, most: number): Promise<LoadCount> {
  const { httpPort, hosts, seconds, dir } = input;
  const logFile = path.join(dir, 'half-load.tsv');
  await rm(logFile, { force: true });
  const count = await runH1AtRate({
    url: `http://127.0.0.1:${httpPort}/hello`,
    host: hosts[0] ?? 'localhost',
    connections,
    seconds,
    perSecond: most * share,
    logFile,
  });
  // Per request: microseconds since the epoch at its start, its status, microseconds until its end.
  const lines = (await readFile(logFile, 'utf8')).trim().split('\n');
  const tookMs = lines.map((line) => Number(line.split('\t')[2]) / 1_000).sort((a, b) => a - b);
  const at = (quantile: number): number | null => tookMs[Math.floor(tookMs.length * quantile)] ?? null;
  return { ...count, p50Ms: at(0.5), p99Ms: at(0.99) };
}

export const halfLoad: Workload = {
  id: 'half',
  title: 'HTTP/1.1 keep-alive at half of each peer’s own most',
  unit: 'request',
  operationsPerUnit: 1,
  needs: 'http1',
  run: async (input) => {
    const most = mostPerSecond.get(input.httpPort);
    if (most !== undefined) return atHalf(input, most);
    const count = await runWrk({
      url: `http://127.0.0.1:${input.httpPort}/hello`,
      host: input.hosts[0] ?? 'localhost',
      connections,
      seconds: input.seconds,
    });
    mostPerSecond.set(input.httpPort, count.requests / count.seconds);
    return count;
  },
};
