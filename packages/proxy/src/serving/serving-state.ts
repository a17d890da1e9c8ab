// What this worker serves: the last snapshot with its deltas, as tables that requests are looked up in. Applies
// versions; knows nothing of sockets or of how messages arrive.
import { parseRoute, type Route } from '@tako/config';
import type { ChallengeView, Delta, DeploymentView, Snapshot } from '../control/messages.ts';
import { RouteTable, type RouteChange } from '../routing/route-table.ts';
import { Deployment } from './deployment.ts';
import type { Instance } from './instance.ts';

export interface ServingStateEvents {
  /** Takes no new request from now on: its idle upstream connections may go. */
  readonly instanceClosed: (instance: Instance) => void;
  /** Its waiters may now get what they wait for, or never will. */
  readonly deploymentChanged: (deployment: Deployment) => void;
  readonly deploymentRemoved: (deployment: Deployment) => void;
  /** The route is left out; everything else is served. */
  readonly routeRefused: (deploymentId: string, route: string, error: unknown) => void;
}

export class ServingState {
  readonly #events: ServingStateEvents;
  readonly #deployments = new Map<string, Deployment>();
  /** Removed, with requests still under way. */
  readonly #leaving = new Set<Deployment>();
  #routes = RouteTable.empty;
  #challenges: ReadonlyMap<string, string> = new Map();
  #version = 0;

  constructor(events: ServingStateEvents) {
    this.#events = events;
  }

  /** 0 before the first snapshot. */
  get version(): number {
    return this.#version;
  }

  get routes(): RouteTable {
    return this.#routes;
  }

  applySnapshot(snapshot: Snapshot): void {
    const named = new Set(snapshot.deployments.map((view) => view.id));
    const removed = [...this.#deployments.keys()].filter((id) => !named.has(id));
    this.#applyDeployments(snapshot.deployments, removed);
    this.#setChallenges(snapshot.challenges);
    this.#version = snapshot.version;
  }

  /** False when the delta belongs to another snapshot: nothing was applied. */
  applyDelta(delta: Delta): boolean {
    if (delta.base !== this.#version || this.#version === 0) return false;
    this.#applyDeployments(delta.deployments, delta.removed);
    if (delta.challenges !== undefined) this.#setChallenges(delta.challenges);
    this.#version = delta.version;
    return true;
  }

  match(host: string, path: string): Deployment | null {
    const owner = this.#routes.match(host, path);
    return owner === null ? null : (this.#deployments.get(owner) ?? null);
  }

  deployment(id: string): Deployment | undefined {
    return this.#deployments.get(id);
  }

  deployments(): IterableIterator<Deployment> {
    return this.#deployments.values();
  }

  findInstance(id: string): Instance | undefined {
    for (const deployment of [...this.#deployments.values(), ...this.#leaving]) {
      const instance = deployment.instance(id);
      if (instance !== undefined) return instance;
    }
    return undefined;
  }

  keyAuthorization(host: string, token: string): string | undefined {
    return this.#challenges.get(`${host} ${token}`);
  }

  #applyDeployments(views: readonly DeploymentView[], removed: readonly string[]): void {
    const changes: RouteChange[] = [];
    const changed: Deployment[] = [];
    const gone: Deployment[] = [];
    for (const id of removed) {
      const deployment = this.#deployments.get(id);
      if (deployment === undefined) continue;
      changes.push({ owner: id, removed: deployment.routes, added: [] });
      this.#deployments.delete(id);
      gone.push(deployment);
    }
    for (const view of views) {
      const known = this.#deployments.get(view.id);
      const deployment = known ?? new Deployment(view);
      this.#deployments.set(view.id, deployment);
      const change = this.#changeRoutes(deployment, view.routes);
      if (change !== null) changes.push(change);
      for (const instance of deployment.update(view)) this.#events.instanceClosed(instance);
      changed.push(deployment);
    }
    if (changes.length > 0) this.#routes = this.#routes.apply(changes);
    // Told only now: a waiter that goes on sees the new state as a whole.
    for (const deployment of gone) this.#retire(deployment);
    for (const deployment of changed) this.#events.deploymentChanged(deployment);
  }

  #retire(deployment: Deployment): void {
    for (const each of this.#leaving) if (each.counts.inFlight === 0) this.#leaving.delete(each);
    const closed = deployment.update({ ...emptyView(deployment), routes: [] });
    for (const instance of closed) this.#events.instanceClosed(instance);
    this.#leaving.add(deployment);
    this.#events.deploymentRemoved(deployment);
  }

  #changeRoutes(deployment: Deployment, texts: readonly string[]): RouteChange | null {
    const before = deployment.routeTexts;
    if (before.length === texts.length && before.every((text, index) => text === texts[index])) return null;
    const removed = deployment.routes;
    const added = texts.flatMap((text) => this.#parse(deployment.id, text));
    deployment.routeTexts = [...texts];
    deployment.routes = added;
    return { owner: deployment.id, removed, added };
  }

  #parse(deploymentId: string, text: string): Route[] {
    try {
      return [parseRoute(text)];
    } catch (error) {
      // One bad route must not take the others' traffic down: reported, left out.
      this.#events.routeRefused(deploymentId, text, error);
      return [];
    }
  }

  #setChallenges(challenges: readonly ChallengeView[]): void {
    this.#challenges = new Map(
      challenges.map((each) => [`${each.host.toLowerCase()} ${each.challenge}`, each.keyAuthorization]),
    );
  }
}

const emptyView = (deployment: Deployment): DeploymentView => ({
  id: deployment.id,
  app: deployment.app,
  version: null,
  routes: [],
  policy: deployment.policy,
  traffic: { kind: 'stopped' },
  instances: [],
});
