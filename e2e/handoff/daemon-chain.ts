// The daemons of one server over reloads and crashes: who leads now, a reload and its end, a crash and the next start.
import { spawn } from 'node:child_process';
import { openSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ServerStatus } from '@tako/protocol';
import { type ManagementClient, connect } from '@tako/protocol/client';
import { ended, processesOf } from '../support/processes.ts';
import type { RunningServer } from '../support/start-server.ts';

const serverProgram = path.resolve(import.meta.dirname, '../../bin/tako-server');
const deadlineMs = 30_000;
const pollMs = 20;

export interface DaemonChain extends AsyncDisposable {
  status(): Promise<ServerStatus>;
  /** To whoever leads now. */
  connect(): Promise<ManagementClient>;
  /** SIGHUP; resolves with its duration when a successor leads, or with the reason when the old one goes on. */
  reload(): Promise<{ kind: 'reloaded'; durationMs: number } | { kind: 'failed'; reason: string }>;
  /** SIGKILL of the control process, and another start on the same folders, once what is waited for meanwhile is there. */
  crash(meanwhile?: () => Promise<unknown>): Promise<{ durationMs: number }>;
  /** Pids of the instances that `status` knows, sorted. */
  appPids(): Promise<number[]>;
}

async function statusOf(server: RunningServer): Promise<ServerStatus> {
  await using client = await connect({ socketPath: server.socketPath, caller: 'handoff test' });
  return await client.api.status.query({});
}

/** Resolves to the first value that is not null; rejects with what it waited for. */
async function eventually<T>(what: string, look: () => Promise<T | null>): Promise<T> {
  const startedAt = performance.now();
  for (;;) {
    const value = await look().catch(() => null);
    if (value !== null) return value;
    if (performance.now() - startedAt > deadlineMs) throw new Error(`not within ${deadlineMs} ms: ${what}`);
    await sleep(pollMs);
  }
}

export function followDaemon(server: RunningServer, flags: readonly string[] = []): DaemonChain {
  const log = openSync(path.join(server.dir, 'daemons.log'), 'a');
  const pidNow = async (): Promise<number> => (await statusOf(server)).server.pid;

  const serving = (other: number): Promise<ServerStatus> =>
    eventually(`a daemon other than ${other} that serves with its own workers`, async () => {
      const status = await statusOf(server);
      const isNew =
        status.server.pid !== other && status.server.workers.some((worker) => worker.state === 'serving');
      return isNew ? status : null;
    });

  return {
    status: () => statusOf(server),
    connect: () => connect({ socketPath: server.socketPath, caller: 'handoff test' }),
    appPids: async () => {
      const { deployments } = await statusOf(server);
      const instances = deployments.flatMap((deployment) =>
        deployment.builds.flatMap((build) => build.instances),
      );
      return instances.flatMap(({ pid }) => (pid === null ? [] : [pid])).toSorted((a, b) => a - b);
    },
    async reload() {
      const before = (await statusOf(server)).server;
      const startedAt = performance.now();
      process.kill(before.pid, 'SIGHUP');
      const after = await eventually('the end of a reload', async () => {
        const { server: now } = await statusOf(server);
        return now.lastReload?.at !== before.lastReload?.at ? now : null;
      });
      if (after.lastReload?.ok === false) return { kind: 'failed', reason: after.lastReload.reason ?? '' };
      await serving(before.pid);
      return { kind: 'reloaded', durationMs: Math.round(performance.now() - startedAt) };
    },
    async crash(meanwhile = async () => undefined) {
      const pid = await pidNow();
      const startedAt = performance.now();
      process.kill(pid, 'SIGKILL');
      await ended(pid, deadlineMs);
      await meanwhile();
      const args = [
        '--socket',
        server.socketPath,
        '--data-dir',
        server.dataDir,
        '--bind',
        '127.0.0.1',
        '--workers',
        '2',
      ];
      const ports = ['--http-port', String(server.httpPort), '--https-port', String(server.httpsPort)];
      spawn(serverProgram, [...args, ...ports, ...flags], {
        stdio: ['ignore', log, log],
        env: { ...process.env, TAKO_SERVER_ACME: 'off' },
      });
      await serving(pid);
      return { durationMs: Math.round(performance.now() - startedAt) };
    },
    /** The process that the test started is gone after the first handoff: whoever leads now is stopped instead. */
    [Symbol.asyncDispose]: async () => {
      const pid = await pidNow().catch(() => null);
      if (pid === null || pid === server.pid) return;
      process.kill(pid, 'SIGTERM');
      await ended(pid, 60_000);
      await eventually('the end of all its processes', async () =>
        processesOf(server.dir).length === 0 ? true : null,
      );
    },
  };
}
