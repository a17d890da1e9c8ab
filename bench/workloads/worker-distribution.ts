// How the workers of one data plane share the work of one listening socket: each writes an access log of its own, and
// its lines are counted.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { BoundSocket } from 'node:net';
import path from 'node:path';
import { cpuMicroseconds } from '../measure/cpu.ts';
import { runWrk } from '../measure/load-tools.ts';
import { type PeerInput, stopChild } from '../peers/peer.ts';
import type { WorkersResult } from '../report/result.ts';

const connections = 64;

export interface DistributionInput extends PeerInput {
  readonly workers: number;
  readonly seconds: number;
  /** A new connection for each request. */
  readonly newConnections: boolean;
}

export async function measureDistribution(input: DistributionInput): Promise<WorkersResult> {
  await using stack = new AsyncDisposableStack();
  const bound = new BoundSocket({ host: '127.0.0.1', port: 0 });
  const main = path.join(import.meta.dirname, '..', 'fixtures', 'tako-main.ts');
  const logs = Array.from({ length: input.workers }, (_, index) =>
    path.join(input.dir, `worker-${index}-${input.newConnections ? 'new' : 'kept'}.log`),
  );
  const workers = logs.map((accessLog) => {
    const inputFile = `${accessLog}.json`;
    writeFileSync(inputFile, JSON.stringify({ ...input, accessLog, listenFd: 3 }));
    const child = spawn(
      process.execPath,
      ['--conditions=source', '--disable-warning=ExperimentalWarning', main],
      {
        stdio: ['ignore', 'pipe', 'inherit', bound.fd()],
        env: { ...process.env, BENCH_INPUT: inputFile },
      },
    );
    stack.defer(() => stopChild(child));
    return child;
  });
  for (const { stdout } of workers) if (stdout !== null) await once(stdout, 'data');
  const pids = workers.map((child) => child.pid ?? 0);
  const before = await Promise.all(pids.map((pid) => cpuMicroseconds([pid])));
  await runWrk({
    url: `http://127.0.0.1:${bound.address().port}/hello`,
    host: input.hosts[0] ?? '',
    connections,
    seconds: input.seconds,
    headers: input.newConnections ? ['Connection: close'] : [],
  });
  const after = await Promise.all(pids.map((pid) => cpuMicroseconds([pid])));
  await Promise.all(workers.map((child) => stopChild(child)));
  const kind = input.newConnections ? 'a new connection for each request' : `${connections} kept connections`;
  return {
    title: `${input.workers} workers on one listening socket, ${kind}`,
    workers: await Promise.all(
      logs.map(async (file, index) => ({
        requests: await countLines(file),
        cpuMicros: (after[index] ?? 0) - (before[index] ?? 0),
      })),
    ),
  };
}

async function countLines(file: string): Promise<number> {
  const text = await readFile(file, 'latin1').catch(() => '');
  return text.split('\n').length - 1;
}
