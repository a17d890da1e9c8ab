// How a daemon ends: it stops everything it runs, or lets go of everything so that another process takes over.
import type { ServerIdentity } from '@tako/protocol';
import type { PartialLines } from '@tako/supervisor';
import type { ControlSockets } from '../listeners/control-sockets.ts';
import type { ListeningSockets } from '../listeners/listening-sockets.ts';
import {
  callsEndTimeoutMs,
  lameDuckMs,
  managementDrainMs,
  managementLameDuckMs,
  workerStopGraceMs,
} from '../limits.ts';
import type { CallGuard } from '../management/call-guard.ts';
import type { ManagementSocket } from '../management/management-socket.ts';
import { withDeadline } from '../timing.ts';
import type { DaemonParts } from './daemon-parts.ts';
import type { DaemonSpec } from './daemon-spec.ts';

export interface Daemon {
  readonly sockets: ListeningSockets;
  readonly control: ControlSockets;
  /** Drains and stops everything, instances too. A second call while the first is under way makes it quick. */
  stop(reason: string): Promise<void>;
  /** No rollout under way: a handoff may begin. Changes that come from now on wait. */
  quiesce(): Promise<void>;
  /** A handoff failed before anything was let go: takes changes again, and says what happened in `server_info`. */
  reloadFailed(outcome: ServerIdentity['lastReload']): void;
  /**
   * Stops supervising; every process goes on. Reads are still answered. Resolves to the incomplete lines of output
   * by instance, which the next daemon continues.
   */
  letGo(): Promise<ReadonlyMap<string, PartialLines>>;
  /** Before `close`, when this process starts its daemon anew: clients wait instead of finding a closed door. */
  keepManagement(): ManagementSocket;
  /** After `letGo`: closes what this process still holds, except the listening sockets. */
  close(): Promise<void>;
  /** What this process itself still serves (`--workers 0`), while another plane accepts, ends properly. */
  finishServing(): Promise<void>;
  /** After a handoff: what this process itself still serves ends properly, then everything is closed. */
  leave(): Promise<void>;
}

export interface DaemonState {
  stopping: boolean;
  /** Until the boot is over; one that fails ends the process, and with it whoever waits. */
  starting: Promise<void> | null;
  /** A handoff is under way: changes that come now wait for its end. Resolves to true when another daemon serves. */
  handingOver: Promise<boolean> | null;
  /** Another daemon may write from now on: this one does not, not even that it refused a call. */
  released: boolean;
  lastReload: ServerIdentity['lastReload'];
}

export interface RunningDaemon {
  readonly spec: DaemonSpec;
  readonly parts: DaemonParts;
  readonly sockets: ListeningSockets;
  readonly control: ControlSockets;
  /** Closed before the successor answers scrapers itself. */
  readonly metrics: AsyncDisposable;
  readonly state: DaemonState;
  /** Released first of all at a handoff: the successor needs them. */
  readonly lock: AsyncDisposable;
  readonly guard: CallGuard;
  readonly management: ManagementSocket;
  readonly idleSweep: NodeJS.Timeout;
  readonly resources: AsyncDisposableStack;
}

class DaemonEnd implements Daemon {
  readonly sockets: ListeningSockets;
  readonly control: ControlSockets;
  readonly #running: RunningDaemon;
  readonly #quick = new AbortController();
  #stopping: Promise<void> | null = null;
  #decided: PromiseWithResolvers<boolean> | null = null;

  constructor(running: RunningDaemon) {
    this.#running = running;
    this.sockets = running.sockets;
    this.control = running.control;
  }

  stop(reason: string): Promise<void> {
    if (this.#stopping === null) this.#stopping = this.#stop(reason);
    else this.#quick.abort();
    return this.#stopping;
  }

  /** Stop accepting, drain, stop instances, then everything else in reverse order. */
  async #stop(reason: string): Promise<void> {
    const { spec, parts, state } = this.#running;
    spec.log.info({ reason }, 'server began to stop');
    state.stopping = true;
    this.#endPlans();
    await parts.issuing.issuer?.close();
    const drained = parts.planes.stop(spec.options.drainTimeoutMs + workerStopGraceMs);
    // Nobody accepts any more. Still open here they would take connections that nobody ever serves, while another
    // server answers on the same port (--reuse-port), or whoever is refused would try elsewhere.
    await this.sockets[Symbol.asyncDispose]();
    const hurried = new Promise<void>((resolve) =>
      this.#quick.signal.addEventListener('abort', () => resolve(), { once: true }),
    );
    await Promise.race([drained, hurried]);
    if (this.#quick.signal.aborted) await parts.planes.stop(0);
    await Promise.all(parts.deployments.all.map((deployment) => deployment.stopAll('server stopped')));
    await parts.appLogs.closeAll();
    await this.#running.lock[Symbol.asyncDispose]();
    await this.close();
    await this.control[Symbol.asyncDispose]();
    spec.log.info({ reason }, 'server stopped');
  }

  async quiesce(): Promise<void> {
    this.#decided = Promise.withResolvers<boolean>();
    this.#running.state.handingOver = this.#decided.promise;
    const { parts, guard } = this.#running;
    await withDeadline(guard.allEnded(), callsEndTimeoutMs, undefined);
    await parts.runs.allFinished();
  }

  reloadFailed(outcome: ServerIdentity['lastReload']): void {
    this.#running.state.lastReload = outcome;
    this.#running.state.handingOver = null;
    this.#decided?.resolve(false);
  }

  async letGo(): Promise<ReadonlyMap<string, PartialLines>> {
    const { parts, lock, state, metrics } = this.#running;
    this.#endPlans();
    await parts.issuing.issuer?.close();
    state.released = true;
    parts.store.stopWaiting();
    const partials = new Map<string, PartialLines>();
    await Promise.all(
      parts.deployments.all.map(async (deployment) => {
        for (const [id, partial] of await deployment.letGo()) partials.set(id, partial);
      }),
    );
    parts.planes.detach();
    await metrics[Symbol.asyncDispose]();
    await parts.appLogs.closeAll();
    await lock[Symbol.asyncDispose]();
    return partials;
  }

  finishServing(): Promise<void> {
    const { parts, spec } = this.#running;
    return parts.planes.finish(lameDuckMs, spec.options.drainTimeoutMs);
  }

  async leave(): Promise<void> {
    this.#decided?.resolve(true);
    const { management } = this.#running;
    await Promise.all([this.finishServing(), management.lameDuck(managementLameDuckMs, managementDrainMs)]);
    await this.close();
  }

  keepManagement(): ManagementSocket {
    const { management } = this.#running;
    this.#decided?.resolve(true);
    management.keep();
    return management;
  }

  async close(): Promise<void> {
    this.#decided?.resolve(true);
    await this.#running.resources.disposeAsync();
  }

  #endPlans(): void {
    const { parts, idleSweep } = this.#running;
    clearInterval(idleSweep);
    for (const deployment of parts.deployments.all) {
      parts.waker.forget(deployment.id);
      for (const slot of deployment.slots) slot.cancelRepair();
    }
  }
}

export function createDaemonEnd(running: RunningDaemon): Daemon {
  return new DaemonEnd(running);
}
