// The data planes and what the control process keeps about them: the pool, the snapshot, drains, activity. Sends
// each worker's message to the one that waits for it.
import type { ControlMessage, WorkerMessage } from '@tako/proxy';
import type { ServerIdentity } from '@tako/protocol';
import type { Log } from '../log.ts';
import type { MetricsTotals } from '../metrics/metrics-totals.ts';
import { SnapshotPublisher } from '../snapshot/snapshot-publisher.ts';
import { Activity } from '../traffic/activity.ts';
import type { TrafficSwitches } from '../traffic/traffic-switches.ts';
import { Drainer } from '../traffic/drainer.ts';
import type { PlaneHooks, PlaneLink } from '../workers/plane-link.ts';
import { WorkerPool } from '../workers/worker-pool.ts';
import type { LameDuckTiming, PoolMember } from '../workers/worker-pool.ts';

export interface DataPlanesOptions {
  readonly size: number;
  readonly start: (hooks: PlaneHooks) => Promise<PoolMember>;
  readonly onWake: (deploymentId: string) => void;
  readonly onFailed: (instance: string, reason: string) => void;
  readonly switches: TrafficSwitches;
  readonly metrics: MetricsTotals;
  readonly log: Log;
}

export class DataPlanes {
  readonly publisher: SnapshotPublisher;
  readonly drainer: Drainer;
  readonly activity = new Activity();
  readonly #pool: WorkerPool;
  readonly #options: DataPlanesOptions;

  constructor(options: DataPlanesOptions) {
    this.#options = options;
    const living = (): number[] => this.#pool.members.map((member) => member.id);
    const send = (message: ControlMessage): void => this.#pool.send(message);
    this.publisher = new SnapshotPublisher({
      send,
      sendTo: (id, message) => this.#pool.sendTo(id, message),
      living,
      kill: (id, reason) => this.#pool.kill(id, reason),
    });
    this.drainer = new Drainer({ send, living });
    this.#pool = new WorkerPool({
      size: options.size,
      start: options.start,
      log: options.log,
      greeting: () => [
        ...(options.switches.cordoned ? [{ type: 'cordon', on: true } as const] : []),
        { type: 'snapshot', snapshot: this.publisher.snapshot },
      ],
      onMessage: (link, message) => this.#onMessage(link, message),
      onGone: (link) => this.#onGone(link),
    });
  }

  /** Resolves when every plane serves the snapshot. Throws WORKER_START_FAILED. */
  async start(): Promise<void> {
    await this.#pool.start();
    await this.publisher.acknowledged(this.publisher.version);
  }

  send(message: ControlMessage): void {
    this.#pool.send(message);
  }

  /** New connections are told to go elsewhere; workers that start later know it, too. */
  cordon(on: boolean): void {
    this.#options.switches.setCordoned(on);
    this.#pool.send({ type: 'cordon', on });
  }

  /** Workers of an earlier daemon take part in everything until they are retired. */
  get hooks(): PlaneHooks {
    return this.#pool.hooks;
  }

  adopt(member: PoolMember): void {
    this.activity.adopted(member.id);
    this.#pool.adopt(member);
  }

  retireAdopted(timing: (generation: number) => LameDuckTiming): void {
    this.#pool.retire(timing);
  }

  /** The workers go on without this process. */
  detach(): void {
    this.#pool.detach();
  }

  /** What this process itself still serves (`--workers 0`) ends properly. */
  finish(lameDuckMs: number, drainMs: number): Promise<void> {
    return this.#pool.finish(lameDuckMs, drainMs);
  }

  /** A boot failed: its own workers go with it, those of an earlier daemon go on. */
  abandon(): void {
    this.#pool.abandon();
  }

  stop(deadlineMs: number): Promise<void> {
    return this.#pool.stop(deadlineMs);
  }

  get workers(): ServerIdentity['workers'] {
    return this.#pool.members.map((member) => ({
      pid: member.pid,
      generation: member.generation,
      snapshotVersion: this.publisher.acknowledgedBy(member.id),
      state: this.#pool.isLeaving(member.id) ? 'leaving' : 'serving',
    }));
  }

  #onMessage(link: PlaneLink, message: WorkerMessage): void {
    switch (message.type) {
      case 'ready':
        this.#options.log.info({ worker: link.id, snapshot: message.version }, 'worker became ready');
        return this.publisher.acknowledge(link.id, message.version);
      case 'acknowledged':
        return this.publisher.acknowledge(link.id, message.version);
      case 'resync':
        return this.publisher.resync(link.id);
      case 'wake':
        return this.#options.onWake(message.deploymentId);
      case 'drained':
        return this.drainer.drained(link.id, message);
      case 'failed':
        return this.#options.onFailed(message.instance, message.reason);
      case 'activity':
        return this.activity.report(link.id, message.activity);
      case 'metrics':
        return this.#options.metrics.report(link.id, message.metrics);
      case 'pong':
        return undefined;
    }
  }

  #onGone(link: PlaneLink): void {
    this.publisher.forget(link.id);
    this.drainer.forget(link.id);
    this.activity.forgetPlane(link.id);
    this.#options.metrics.forgetPlane(link.id);
  }
}
