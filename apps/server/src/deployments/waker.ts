// Scale to zero: one start however many requests wait in however many workers, and idling out. The queue of
// waiting requests is the workers' business; this file starts, tells a failure, and stops what nobody asks for.
import type { ControlMessage } from '@tako/proxy';
import type { Log } from '../log.ts';
import { pause } from '../timing.ts';
import type { ActivityTotals } from '../traffic/activity.ts';
import type { Build } from './build.ts';
import type { Deployment } from './deployment.ts';
import { RestartBackoff } from './restart-backoff.ts';

export interface WakerDeps {
  readonly send: (message: ControlMessage) => void;
  readonly totals: (deploymentId: string) => ActivityTotals;
  readonly busy: (deploymentId: string) => boolean;
  /** A start that a request asked for came to its end. */
  readonly coldStart: (deploymentId: string, outcome: 'started' | 'failed', durationMs: number) => void;
  readonly log: Log;
  readonly now: () => number;
}

export class Waker {
  readonly #deps: WakerDeps;
  readonly #starting = new Map<string, AbortController>();
  readonly #failures = new Map<string, { readonly backoff: RestartBackoff; notBefore: number }>();
  /** When each on-demand deployment last began to run: it gets its idle time even if no request came. */
  readonly #awakeSince = new Map<string, number>();
  readonly #retiring = new Set<string>();

  constructor(deps: WakerDeps) {
    this.#deps = deps;
  }

  /** Idempotent while a start is under way or something runs. Never rejects. */
  async wake(deployment: Deployment, build: Build): Promise<void> {
    const { id } = deployment;
    if (this.#starting.has(id) || deployment.record.stopped || deployment.record.instancesWanted > 0) return;
    if (deployment.slots.some((slot) => slot.member !== null)) return;
    const controller = new AbortController();
    this.#starting.set(id, controller);
    const startedAt = this.#deps.now();
    try {
      await this.#start(deployment, build, controller.signal);
      const durationMs = this.#deps.now() - startedAt;
      this.#deps.coldStart(id, 'started', durationMs);
      this.#deps.log.info({ app: id, durationMs }, 'deployment woke up');
    } catch (error) {
      this.#deps.coldStart(id, 'failed', this.#deps.now() - startedAt);
      this.#failed(id, error instanceof Error ? error.message : String(error));
    } finally {
      this.#starting.delete(id);
    }
  }

  /** The deployment is deleted or the daemon stops. */
  forget(id: string): void {
    this.#starting.get(id)?.abort();
    this.#failures.delete(id);
    this.#awakeSince.delete(id);
  }

  async #start(deployment: Deployment, build: Build, signal: AbortSignal): Promise<void> {
    const failed = this.#failures.get(deployment.id);
    // A failed start is not sticky, but backs off; the requests wait within their own 30 s.
    if (failed !== undefined) await pause(failed.notBefore - this.#deps.now(), signal);
    const started = await deployment.startMember(build, signal);
    if (started.kind === 'failed') throw new Error(started.failure.reason);
    this.#failures.delete(deployment.id);
    // A rollout may have put a newer instance in place meanwhile: then this one is not needed.
    if (deployment.slots.some((slot) => slot.member !== null)) {
      await deployment.discard(started.member, 'another instance was there first');
      return;
    }
    for (const slot of deployment.slots) deployment.removeSlot(slot);
    deployment.addSlot(build).install(started.member);
    this.#awakeSince.set(deployment.id, this.#deps.now());
    await deployment.publishAcknowledged();
  }

  #failed(id: string, reason: string): void {
    const failed = this.#failures.get(id) ?? { backoff: new RestartBackoff(), notBefore: 0 };
    failed.notBefore = this.#deps.now() + failed.backoff.next(0);
    this.#failures.set(id, failed);
    this.#deps.log.warn({ app: id, reason }, 'cold start failed');
    this.#deps.send({ type: 'wakeFailed', deploymentId: id, reason });
  }

  /** Stops what was asked by nobody for `idle_timeout_s`. Called on a tick; each retirement runs on its own. */
  sweep(deployments: Iterable<Deployment>): void {
    for (const deployment of deployments) {
      if (this.#idle(deployment)) void this.#idleOut(deployment);
    }
  }

  #idle(deployment: Deployment): boolean {
    const { id, record, manifest } = deployment;
    if (record.instancesWanted !== 0 || record.stopped || deployment.slots.length === 0) return false;
    if (this.#retiring.has(id) || this.#starting.has(id) || this.#deps.busy(id)) return false;
    const totals = this.#deps.totals(id);
    if (totals.inFlight > 0) return false;
    const now = this.#deps.now();
    const newest = Math.max(...deployment.slots.map((slot) => slot.member?.instance.startedAt ?? 0));
    const awakeMs = now - Math.max(this.#awakeSince.get(id) ?? 0, newest);
    const quietMs = Math.min(totals.sinceLastEndedMs ?? awakeMs, awakeMs);
    return quietMs >= manifest.idle_timeout_s * 1000;
  }

  async #idleOut(deployment: Deployment): Promise<void> {
    this.#retiring.add(deployment.id);
    try {
      const members = deployment.slots.flatMap((slot) => (slot.member === null ? [] : [slot.member]));
      for (const slot of deployment.slots) {
        slot.cancelRepair();
        slot.member = null;
        deployment.removeSlot(slot);
      }
      await Promise.all(members.map((member) => deployment.retire(member, 'idle')));
      this.#deps.log.info({ app: deployment.id }, 'deployment idled out');
    } finally {
      this.#retiring.delete(deployment.id);
    }
  }
}
