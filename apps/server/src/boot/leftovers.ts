// What an earlier daemon left behind and nobody takes over: workers, unrecorded instances, dead sockets. Each
// process is known by pid, start time and boot id, so that a reused pid is never touched.
import { readFile, readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { identifyProcess, isAlive, stopLeftover } from '@tako/supervisor';
import type { ProcessIdentity } from '@tako/supervisor';
import { errorCode } from '../files/durable-file.ts';
import { leftoverGraceMs } from '../limits.ts';
import type { Log } from '../log.ts';
import { workerIdentityPath } from '../workers/worker-arguments.ts';
import { readIdentityFile } from './identity-file.ts';

const deadSocket = /^(worker|tako)-(\d+)\.sock$/;

async function namesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return [];
    throw error;
  }
}

/** They hold ports that this daemon needs otherwise, or serve what it no longer wants. */
export async function stopWorkers(workers: readonly ProcessIdentity[], log: Log): Promise<void> {
  await Promise.all(
    workers.map(async (identity) => {
      log.warn({ worker: identity.pid }, 'left-over worker stopped');
      await stopLeftover({ identity, instanceId: `worker-${identity.pid}`, runDir: null }, leftoverGraceMs);
    }),
  );
}

/** An instance spawned in the instant before a SIGKILL has a run directory and TAKO_INSTANCE, but no row. */
export async function stopUnrecorded(runDir: string, recorded: ReadonlySet<string>, log: Log): Promise<void> {
  const ids = new Set((await namesIn(path.join(runDir, 'instances'))).filter((id) => !recorded.has(id)));
  if (ids.size === 0) return;
  const pids = (await namesIn('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  await Promise.all(
    pids.map(async (pid) => {
      const id = await instanceOf(pid);
      if (id === null || !ids.has(id)) return;
      const identity = identifyProcess(pid);
      if (identity === null) return;
      log.warn({ instance: id, instancePid: pid }, 'unrecorded instance stopped');
      await stopLeftover({ identity, instanceId: id, runDir: null }, leftoverGraceMs);
    }),
  );
  await Promise.all(
    [...ids].map((id) => rm(path.join(runDir, 'instances', id), { recursive: true, force: true })),
  );
}

/** The TAKO_INSTANCE of a process; null when it has none, is gone, or is not ours to read. */
async function instanceOf(pid: number): Promise<string | null> {
  try {
    const environment = await readFile(`/proc/${pid}/environ`, 'utf8');
    const entry = environment.split('\0').find((line) => line.startsWith('TAKO_INSTANCE='));
    return entry?.slice('TAKO_INSTANCE='.length) ?? null;
  } catch {
    // Gone between the listing and here, or another user's: neither is an instance of this daemon.
    return null;
  }
}

/** Sockets of processes that are gone; a zombie is (it may wait for its parent while we boot). */
export async function sweepSockets(runDir: string): Promise<void> {
  for (const name of await namesIn(runDir)) {
    const [, kind, digits] = deadSocket.exec(name) ?? [];
    const pid = Number(digits);
    if (kind === undefined || pid === process.pid) continue;
    // A worker's file tells it from a later process with its number.
    const owner =
      kind === 'worker' ? await readIdentityFile(workerIdentityPath(runDir, pid)) : identifyProcess(pid);
    if (owner === null || !isAlive(owner)) await rm(path.join(runDir, name), { force: true });
  }
}
