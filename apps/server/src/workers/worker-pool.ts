// Keeps N data planes going: starts them, replaces one that died at once, sends to all of them, tells who lives.
// Planes of an earlier generation take part until they have left. It knows nothing of what the messages mean.
import type { ControlMessage, WorkerMessage } from '@tako/proxy';
import { workerRestartDelayMaxMs } from '../limits.ts';
import type { Log } from '../log.ts';
import type { PlaneHooks, PlaneLink } from './plane-link.ts';

export interface PoolMember extends PlaneLink {
  readonly pid: number;
  readonly startedAt: number;
  readonly alive: boolean;
  readonly exited: Promise<string>;
  kill(signal: NodeJS.Signals): void;
  /** Lets go of it without an end: another control process takes over. */
  detach(): void;
  /** After `detach`: what this very process still serves ends as for a lame duck. Nothing for a worker process. */
  finish(lameDuckMs: number, drainMs: number): Promise<void>;
}

export interface LameDuckTiming {
  readonly lameDuckMs: number;
  readonly drainMs: number;
}

export interface WorkerPoolOptions {
  readonly size: number;
  readonly start: (hooks: PlaneHooks) => Promise<PoolMember>;
  readonly log: Log;
  /** A fresh member must get the whole snapshot first. */
  readonly greeting: () => readonly ControlMessage[];
  readonly onMessage: (link: PlaneLink, message: WorkerMessage) => void;
  readonly onGone: (link: PlaneLink) => void;
}

export class WorkerPool {
  readonly #options: WorkerPoolOptions;
  readonly #members = new Map<number, PoolMember>();
  /** Of an earlier generation: not replaced when they go. */
  readonly #leaving = new Set<number>();
  #stopping = false;
  #deathsInARow = 0;
  readonly #timers = new Set<NodeJS.Timeout>();
  /** Replacements that are being started: a stop waits for them, or they would outlive it. */
  readonly #replacing = new Set<Promise<void>>();

  constructor(options: WorkerPoolOptions) {
    this.#options = options;
  }

  /** Resolves when all members were greeted; throws WORKER_START_FAILED, and then none is still being started. */
  async start(): Promise<void> {
    const starts = Array.from({ length: this.#options.size }, () => this.#add());
    // All of them: whoever hears of the failure ends this process, and a worker that came later would outlive it.
    for (const outcome of await Promise.allSettled(starts))
      if (outcome.status === 'rejected') throw outcome.reason;
  }

  get members(): readonly PoolMember[] {
    return [...this.#members.values()];
  }

  get hooks(): PlaneHooks {
    return {
      onMessage: (link, message) => {
        if (message.type === 'ready') this.#deathsInARow = 0;
        this.#options.onMessage(link, message);
      },
      onGone: (link, reason) => this.#gone(link, reason),
    };
  }

  /** A plane of an earlier control process: it hears everything, until `retire` sends it off. */
  adopt(member: PoolMember): void {
    this.#members.set(member.id, member);
    this.#leaving.add(member.id);
    for (const message of this.#options.greeting()) member.send(message);
  }

  isLeaving(id: number): boolean {
    return this.#leaving.has(id);
  }

  /** The adopted planes answer for `lameDuckMs` more, finish within `drainMs`, and exit. */
  retire(timing: (generation: number) => LameDuckTiming): void {
    for (const id of this.#leaving) {
      const member = this.#members.get(id);
      if (member !== undefined) member.send({ type: 'lameDuck', ...timing(member.generation) });
    }
  }

  send(message: ControlMessage): void {
    for (const member of this.#members.values()) member.send(message);
  }

  sendTo(id: number, message: ControlMessage): void {
    this.#members.get(id)?.send(message);
  }

  /** SIGKILL: it no longer answers. Its replacement starts by itself. */
  kill(id: number, reason: string): void {
    const member = this.#members.get(id);
    if (member === undefined) return;
    this.#options.log.error({ worker: member.pid, reason }, 'worker killed');
    member.kill('SIGKILL');
  }

  /** Waits for every member's exit, `deadlineMs` at most, then kills. */
  async stop(deadlineMs: number): Promise<void> {
    this.#end();
    const members = this.members;
    for (const member of members) member.kill('SIGTERM');
    const killer = setTimeout(() => members.forEach((member) => member.kill('SIGKILL')), deadlineMs);
    await Promise.all([...members.map((member) => member.exited), ...this.#replacing]);
    clearTimeout(killer);
  }

  /** They go on serving; nobody of this process is told of them any more. */
  detach(): void {
    this.#end();
    for (const member of this.#members.values()) member.detach();
  }

  async finish(lameDuckMs: number, drainMs: number): Promise<void> {
    await Promise.all(this.members.map((member) => member.finish(lameDuckMs, drainMs)));
  }

  abandon(): void {
    this.#end();
    for (const member of this.#members.values()) {
      if (this.#leaving.has(member.id)) member.detach();
      else member.kill('SIGKILL');
    }
  }

  #end(): void {
    this.#stopping = true;
    for (const timer of this.#timers) clearTimeout(timer);
  }

  async #add(): Promise<void> {
    const member = await this.#options.start(this.hooks);
    if (this.#stopping) {
      member.kill('SIGKILL');
      await member.exited;
      return;
    }
    // It may have died between its start and here; onGone has asked for another then.
    if (!member.alive) return;
    this.#members.set(member.id, member);
    for (const message of this.#options.greeting()) member.send(message);
  }

  #gone(link: PlaneLink, reason: string): void {
    if (this.#members.delete(link.id)) this.#options.onGone(link);
    const left = this.#leaving.delete(link.id);
    if (this.#stopping) return;
    if (left) {
      this.#options.log.info(
        { worker: link.id, generation: link.generation, reason },
        'worker of an earlier generation left',
      );
      return;
    }
    this.#options.log.error({ worker: link.id, reason }, 'worker died');
    this.#replace();
  }

  /** At once the first time; slower when they keep dying before they are ready. */
  #replace(): void {
    const delayMs =
      this.#deathsInARow === 0 ? 0 : Math.min(100 * 2 ** this.#deathsInARow, workerRestartDelayMaxMs);
    this.#deathsInARow += 1;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      const replacing = this.#add().catch((error: unknown) => {
        this.#options.log.error({ err: error }, 'worker could not be replaced');
        if (!this.#stopping) this.#replace();
      });
      this.#replacing.add(replacing);
      void replacing.then(() => this.#replacing.delete(replacing));
    }, delayMs);
    this.#timers.add(timer);
  }
}
