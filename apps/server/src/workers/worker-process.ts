// Starts a worker process: spawn with the listening sockets in stdio, wait for its start pipe, write down who it is
// for a later daemon. Used by the control process and by a worker that starts its sibling.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { TakoError } from '@tako/config';
import { identifyProcess, readHostPrivileges } from '@tako/supervisor';
import type { ProcessIdentity } from '@tako/supervisor';
import { workerStartTimeoutMs } from '../limits.ts';
import { withDeadline } from '../timing.ts';
import { firstListenerFd, startPipeFd, workerIdentityPath } from './worker-arguments.ts';
import type { InheritedListener, WorkerArguments, WorkerIdentityFile } from './worker-arguments.ts';

export interface WorkerSpawn {
  readonly program: string;
  readonly programArguments: readonly string[];
  readonly script: string;
  /** Descriptors of this process; the worker gets duplicates from `firstListenerFd` on. */
  readonly listeners: readonly InheritedListener[];
  readonly arguments: Omit<WorkerArguments, 'listeners'>;
}

/** A worker faces the network and needs no capability: it inherits its listening sockets (setpriv(1); exec keeps the pid). */
function withoutPrivileges(): string[] {
  const bounding = readHostPrivileges().mayDropBoundingSet ? ['--bounding-set=-all'] : [];
  return ['--ambient-caps=-all', '--inh-caps=-all', ...bounding, '--no-new-privs'];
}

function spawnChild(spec: WorkerSpawn): ChildProcess {
  const listeners = spec.listeners.map((listener, index) => ({ ...listener, fd: firstListenerFd + index }));
  const argument: WorkerArguments = { ...spec.arguments, listeners };
  const worker = [spec.program, ...spec.programArguments, spec.script, JSON.stringify(argument)];
  return spawn('/usr/bin/setpriv', [...withoutPrivileges(), '--', ...worker], {
    stdio: ['ignore', 'inherit', 'inherit', 'pipe', ...spec.listeners.map((listener) => listener.fd)],
    // Its own group: a Ctrl-C at a terminal is for the control process, which then drains the workers.
    detached: true,
    env: {},
  });
}

/** The start pipe says one line when the worker's socket listens; its end without one is a failed start. */
async function saidStarted(child: ChildProcess): Promise<boolean> {
  const pipe = child.stdio[startPipeFd];
  if (!(pipe instanceof Readable)) return false;
  for await (const chunk of pipe) if (String(chunk).includes('\n')) return true;
  return false;
}

/** Resolves when the worker's socket listens. Throws WORKER_START_FAILED; then no process is left. */
export async function spawnWorker(spec: WorkerSpawn): Promise<ProcessIdentity> {
  const child = spawnChild(spec);
  const { pid } = child;
  if (pid === undefined) {
    throw new TakoError('WORKER_START_FAILED', `cannot start ${spec.program}`, {
      cause: await once(child, 'error'),
    });
  }
  const identity = identifyProcess(pid);
  if (identity !== null) {
    const file: WorkerIdentityFile = {
      ...identity,
      generation: spec.arguments.generation,
      listeners: spec.listeners.map(({ kind, address, port }) => ({ kind, address, port })),
    };
    await writeFile(workerIdentityPath(spec.arguments.runDir, pid), JSON.stringify(file), { mode: 0o600 });
    if (await withDeadline(saidStarted(child), workerStartTimeoutMs, false)) {
      // It may outlive us; we do not wait for it at our own exit.
      child.unref();
      return identity;
    }
  }
  child.kill('SIGKILL');
  throw new TakoError(
    'WORKER_START_FAILED',
    `a proxy worker did not start within ${workerStartTimeoutMs} ms or exited at once`,
    {
      hint: "its own words are in the daemon's log",
      details: { pid, exitCode: child.exitCode, signal: child.signalCode },
    },
  );
}
