// One deployment in the data plane: its policy, its instances, who waits for them, and its counts. Lives across
// deltas; what is in flight keeps hold of it after it was removed.
import type { Route } from '@tako/config';
import { findByToken } from '../balancing/affinity-cookie.ts';
import { pickInstance, type PickState } from '../balancing/pick-instance.ts';
import { WaitingRoom } from '../balancing/waiting-room.ts';
import type { DeploymentPolicy, DeploymentTraffic, DeploymentView } from '../control/messages.ts';
import type { RequestMetrics } from '../metrics/request-metrics.ts';
import { Instance } from './instance.ts';

export interface DeploymentCounts {
  inFlight: number;
  ended: number;
  /** Clock ms; null = none yet. */
  lastEndedAt: number | null;
  /** Its change is to be told; the ledger's own. */
  isNoted: boolean;
}

export class Deployment {
  readonly id: string;
  app: string;
  policy: DeploymentPolicy;
  traffic: DeploymentTraffic;
  routeTexts: readonly string[] = [];
  routes: readonly Route[] = [];
  readonly waiting = new WaitingRoom();
  readonly counts: DeploymentCounts = {
    inFlight: 0,
    ended: 0,
    lastEndedAt: null,
    isNoted: false,
  };
  /** Made with the first request that ends. */
  metrics: RequestMetrics | null = null;
  /** A wake was said and not answered yet. */
  wakeSaid = false;
  #instances = new Map<string, Instance>();
  #healthy: readonly Instance[] = [];
  #suspect: readonly Instance[] = [];
  readonly #retired = new Set<Instance>();
  readonly #pick: PickState = { cursor: -1 };

  constructor(view: DeploymentView) {
    this.id = view.id;
    this.app = view.app;
    this.policy = view.policy;
    this.traffic = view.traffic;
  }

  /** Takes over policy, traffic and instances; returns the instances that take no new request any more. */
  update(view: DeploymentView): readonly Instance[] {
    this.app = view.app;
    this.policy = view.policy;
    this.traffic = view.traffic;
    const before = this.#instances;
    const wasOpen = new Set([...before.values()].filter((instance) => instance.rotation !== 'draining'));
    this.#instances = new Map(
      view.instances.map((each) => [each.id, this.#adopt(before.get(each.id), each)]),
    );
    for (const instance of before.values()) {
      if (this.#instances.get(instance.id) === instance) continue;
      instance.rotation = 'draining';
      this.#retired.add(instance);
    }
    for (const instance of this.#retired) if (instance.inFlight.size === 0) this.#retired.delete(instance);
    const current = [...this.#instances.values()];
    this.#healthy = current.filter((instance) => instance.rotation === 'healthy');
    this.#suspect = current.filter((instance) => instance.rotation === 'suspect');
    return [...wasOpen].filter((instance) => instance.rotation === 'draining');
  }

  /** A healthy instance; a suspect one when nobody is healthy; null when there is nobody to send a request to. */
  pick(nowMs: number, affinity: string | null): Instance | null {
    if (this.traffic.kind !== 'serving' && this.traffic.kind !== 'onDemand') return null;
    if (affinity !== null) {
      const kept = findByToken(this.#healthy, affinity);
      if (kept !== null && kept.isAvailable(nowMs)) return kept;
    }
    const chance = { nowMs, random: Math.random };
    return pickInstance(this.#healthy, this.#pick, chance) ?? pickInstance(this.#suspect, this.#pick, chance);
  }

  instance(id: string): Instance | undefined {
    return this.#instances.get(id) ?? [...this.#retired].find((instance) => instance.id === id);
  }

  /** Those of the view, and those that left it with requests still on them. */
  instances(): readonly Instance[] {
    return [...this.#instances.values(), ...this.#retired];
  }

  #adopt(known: Instance | undefined, view: DeploymentView['instances'][number]): Instance {
    // Another address under the same id is another process: requests on the old one are its own.
    if (known === undefined || known.host !== view.host || known.port !== view.port)
      return new Instance(view);
    known.rotation = view.rotation;
    return known;
  }
}
