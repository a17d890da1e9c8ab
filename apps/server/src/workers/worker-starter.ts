// How this daemon starts a worker: by itself while it holds the listening sockets, else through a worker that does.
import { TakoError } from '@tako/config';
import { identifyProcess } from '@tako/supervisor';
import type { ProcessIdentity } from '@tako/supervisor';
import { siblingTimeoutMs } from '../limits.ts';
import type { ListeningSockets } from '../listeners/listening-sockets.ts';
import { withDeadline } from '../timing.ts';
import type { PlaneHooks } from './plane-link.ts';
import type { WorkerArguments } from './worker-arguments.ts';
import { attachWorker } from './worker-link.ts';
import type { LinkedWorker } from './worker-link.ts';
import type { PoolMember } from './worker-pool.ts';
import { spawnWorker } from './worker-process.ts';

export interface WorkerStarterSpec {
  readonly program: string;
  readonly programArguments: readonly string[];
  readonly script: string;
  readonly sockets: ListeningSockets;
  readonly arguments: Omit<WorkerArguments, 'listeners'>;
}

export class WorkerStarter {
  readonly #spec: WorkerStarterSpec;
  /** Those that may be asked for a sibling, newest last. */
  readonly #linked = new Set<LinkedWorker>();
  #lastTurn: Promise<unknown> = Promise.resolve();

  constructor(spec: WorkerStarterSpec) {
    this.#spec = spec;
  }

  /** Throws WORKER_START_FAILED. */
  async start(hooks: PlaneHooks): Promise<PoolMember> {
    const { program, programArguments, script, sockets } = this.#spec;
    const listeners = sockets.descriptors();
    const identity =
      listeners === null
        ? await this.#inTurn(() => this.#throughSibling())
        : await spawnWorker({
            program,
            programArguments,
            script,
            listeners,
            arguments: this.#spec.arguments,
          });
    return this.attach(identity, this.#spec.arguments.generation, hooks);
  }

  async attach(identity: ProcessIdentity, generation: number, hooks: PlaneHooks): Promise<LinkedWorker> {
    const worker = await attachWorker({ runDir: this.#spec.arguments.runDir, identity, generation, hooks });
    this.#linked.add(worker);
    void worker.exited.then(() => this.#linked.delete(worker));
    return worker;
  }

  /** A worker starts one sibling at a time. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#lastTurn.then(work);
    this.#lastTurn = turn.catch(() => undefined);
    return turn;
  }

  /** The youngest worker that can; one that does not answer is of no use to anybody and is killed. */
  async #throughSibling(): Promise<ProcessIdentity> {
    const { program, programArguments, script } = this.#spec;
    const request = {
      type: 'spawnSibling',
      program,
      programArguments,
      script,
      arguments: this.#spec.arguments,
    } as const;
    for (const worker of [...this.#linked].toReversed()) {
      if (!worker.alive) continue;
      const pid = await withDeadline(
        worker.spawnSibling(request).catch(() => null),
        siblingTimeoutMs,
        null,
      );
      const identity = pid === null ? null : identifyProcess(pid);
      if (identity !== null) return identity;
      worker.kill('SIGKILL');
    }
    throw new TakoError('WORKER_START_FAILED', 'no living worker could hand the listening sockets on', {
      hint: 'restart tako-server: it binds them anew',
    });
  }
}
