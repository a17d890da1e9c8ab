// What the daemon of now holds: descriptors and memory of its processes, processes, names in the run directory.
import { readdirSync } from 'node:fs';
import path from 'node:path';
import type { ServerStatus } from '@tako/protocol';
import { type ProcessFacts, processFacts } from '../support/processes.ts';
import type { RunningServer } from '../support/start-server.ts';
import { eventually } from '../zero-loss/eventually.ts';
import type { DaemonChain } from './daemon-chain.ts';

/** Longer than the drain time-out, which streams of the load use up. */
const settleTimeoutMs = 90_000;

export interface Footprint {
  readonly control: { readonly descriptors: number; readonly rssBytes: number };
  /** The largest of each. */
  readonly workers: { readonly descriptors: number; readonly rssBytes: number };
  /** What each is, sorted. */
  readonly processes: readonly string[];
  /** Without the pids in them. */
  readonly runNames: readonly string[];
}

function measured(pid: number): { descriptors: number; rssBytes: number } {
  const facts = processFacts(pid);
  if (facts === null) throw new Error(`process ${pid} is gone`);
  return { descriptors: facts.descriptors, rssBytes: facts.rssBytes };
}

function isSettled({ server, deployments }: ServerStatus): boolean {
  const leaving = server.workers.some((worker) => worker.state !== 'serving');
  return !leaving && deployments.every((deployment) => deployment.inFlight === 0);
}

/** Without what differs from one process of a kind to the next. */
function kindOf({ command, state }: ProcessFacts): string {
  if (command.includes('main.js --socket')) return 'control process';
  if (command.includes('/worker-main.')) return 'worker';
  // One that happens to run in this moment is no other than one that waits.
  const what = command.replaceAll(/\d+/g, 'N');
  return state === 'Z' ? `zombie ${what}` : what;
}

/** Once the generations before have left and nothing is in flight: call it without load. */
export async function measureFootprint(server: RunningServer, chain: DaemonChain): Promise<Footprint> {
  const status = await eventually('one generation and nothing in flight', settleTimeoutMs, async () => {
    const now = await chain.status();
    return isSettled(now) ? now : null;
  });
  const { pid, workers } = status.server;
  // Daemons and workers before have let go a moment before their processes have ended: until each one is accounted for.
  const known = new Set([pid, ...workers.map((worker) => worker.pid), ...(await chain.appPids())]);
  const alone = await eventually('nobody but the daemon, its workers and apps', settleTimeoutMs, () => {
    const processes = server.processes();
    return processes.every((facts) => known.has(facts.pid)) ? processes : null;
  });
  const each = workers.map((worker) => measured(worker.pid));
  return {
    control: measured(pid),
    workers: {
      descriptors: Math.max(...each.map(({ descriptors }) => descriptors)),
      rssBytes: Math.max(...each.map(({ rssBytes }) => rssBytes)),
    },
    processes: alone.map(kindOf).sort(),
    runNames: readdirSync(path.join(server.dir, 'run'))
      .map((name) => name.replace(/-\d+\./, '-N.'))
      .sort(),
  };
}
