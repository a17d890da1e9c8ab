// Joins a proxy worker that runs, whoever started it: this daemon, an earlier one, or a sibling worker. The end of
// its line is the end of the worker.
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import net from 'node:net';
import type { ControlMessage, WorkerMessage } from '@tako/proxy';
import { isAlive, killProcess } from '@tako/supervisor';
import type { ProcessIdentity } from '@tako/supervisor';
import { workerExitPollMs, workerExitWaitMs } from '../limits.ts';
import { pause } from '../timing.ts';
import { createMessageLine } from './message-line.ts';
import type { MessageLine } from './message-line.ts';
import type { PlaneHooks } from './plane-link.ts';
import { workerIdentityPath, workerSocketPath } from './worker-arguments.ts';
import type { SiblingReply, SiblingRequest } from './worker-arguments.ts';
import type { PoolMember } from './worker-pool.ts';

export interface WorkerAttachment {
  readonly runDir: string;
  readonly identity: ProcessIdentity;
  readonly generation: number;
  readonly hooks: PlaneHooks;
}

export interface LinkedWorker extends PoolMember {
  /** Asks it to start the next worker on its own listening sockets. Rejects when it dies first or cannot. */
  spawnSibling(request: SiblingRequest): Promise<number>;
}

type FromWorker = WorkerMessage | SiblingReply;

/** The line's end comes an instant before the process is gone; a worker that lost its line but lives is of no use. */
async function untilDead(identity: ProcessIdentity): Promise<void> {
  const limit = AbortSignal.timeout(workerExitWaitMs);
  while (isAlive(identity) && !limit.aborted) await pause(workerExitPollMs, limit);
  killProcess(identity, 'SIGKILL');
}

/** Throws when nobody listens on the worker's socket. */
export async function attachWorker({
  runDir,
  identity,
  generation,
  hooks,
}: WorkerAttachment): Promise<LinkedWorker> {
  const { pid } = identity;
  const socket = net.connect(workerSocketPath(runDir, pid));
  await once(socket, 'connect');
  const exited = Promise.withResolvers<string>();
  let alive = true;
  let detached = false;
  let sibling: PromiseWithResolvers<number> | null = null;

  const line: MessageLine<ControlMessage | SiblingRequest> = createMessageLine<
    FromWorker,
    ControlMessage | SiblingRequest
  >(socket, {
    onMessage: (message) => {
      if (message.type === 'siblingStarted') sibling?.resolve(message.pid);
      else if (message.type === 'siblingFailed') sibling?.reject(new Error(message.reason));
      else hooks.onMessage(member, message);
    },
    onClose: (error) => {
      alive = false;
      sibling?.reject(new Error(`worker ${pid} died`));
      if (detached) return exited.resolve('detached');
      const reason = error === null ? 'exited' : `lost its line: ${error.message}`;
      // oxlint-disable-next-line promise/no-promise-in-callback -- the end of the worker has no other place
      void untilDead(identity).then(async () => {
        hooks.onGone(member, reason);
        await rm(workerIdentityPath(runDir, pid), { force: true });
        await rm(workerSocketPath(runDir, pid), { force: true });
        exited.resolve(reason);
      });
    },
  });

  const member: LinkedWorker = {
    id: pid,
    pid,
    generation,
    startedAt: Date.now(),
    get alive() {
      return alive;
    },
    exited: exited.promise,
    send: (message) => line.send(message),
    kill: (signal) => void killProcess(identity, signal),
    detach: () => {
      detached = true;
      line.close();
    },
    finish: async () => undefined,
    spawnSibling: (request) => {
      sibling = Promise.withResolvers<number>();
      line.send(request);
      return sibling.promise;
    },
  };
  return member;
}
