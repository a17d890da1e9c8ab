// `--workers 0`: the data plane inside the control process, behind the same messages as a worker.
import type { ControlMessage } from '@tako/proxy';
import { stopLameDuckMs } from '../limits.ts';
import type { ListeningSockets } from '../listeners/listening-sockets.ts';
import type { Log } from '../log.ts';
import { openLibc } from '../service-manager/libc.ts';
import type { PlaneHooks } from './plane-link.ts';
import type { WorkerArguments } from './worker-arguments.ts';
import type { PoolMember } from './worker-pool.ts';

export async function startInProcessPlane(spec: {
  readonly sockets: ListeningSockets;
  readonly plane: WorkerArguments['plane'];
  readonly hooks: PlaneHooks;
  readonly drainMs: number;
  readonly log: Log;
}): Promise<PoolMember> {
  // Only here: with workers the control process does without its code.
  const { createDataPlane } = await import('@tako/proxy');
  const exited = Promise.withResolvers<string>();
  let listening = false;
  let alive = true;
  let detached = false;
  const plane = createDataPlane({
    // Asynchronous like a socket, so that neither side is re-entered in the middle of a change.
    send: (message) =>
      queueMicrotask(() => {
        if (!detached) spec.hooks.onMessage(member, message);
      }),
    options: { ...spec.plane, workers: 1 },
    log: spec.log,
  });

  async function receive(message: ControlMessage): Promise<void> {
    plane.receive(message);
    if (listening || message.type !== 'snapshot') return;
    listening = true;
    // Duplicates: a plane closes what it listens on, and the next one, here or in a successor, needs the sockets, too.
    for (const { kind, fd } of spec.sockets.all) await plane.listen({ kind, fd: openLibc().duplicate(fd) });
    spec.hooks.onMessage(member, { type: 'ready', pid: process.pid, version: message.snapshot.version });
  }

  async function close(signal: NodeJS.Signals): Promise<void> {
    if (!alive) return;
    if (signal === 'SIGTERM') await plane.lameDuck({ lameDuckMs: stopLameDuckMs, drainMs: spec.drainMs });
    if (!alive) return;
    alive = false;
    await plane.close();
    exited.resolve('closed');
    spec.hooks.onGone(member, 'closed');
  }

  const member: PoolMember = {
    id: process.pid,
    pid: process.pid,
    generation: 1,
    startedAt: Date.now(),
    get alive() {
      return alive;
    },
    exited: exited.promise,
    send: (message) =>
      queueMicrotask(() => {
        receive(message).catch((error: unknown) =>
          spec.log.fatal({ err: error }, 'data plane could not apply a message'),
        );
      }),
    kill: (signal) => void close(signal),
    // It serves on until the successor is ready; what it would say then is for nobody.
    detach: () => {
      detached = true;
    },
    finish: async (lameDuckMs, drainMs) => {
      await plane.lameDuck({ lameDuckMs, drainMs });
      await plane.close();
    },
  };
  return member;
}
