// Finds an instance for one request: at once, or after waiting for one to become healthy or to be woken. Its deadline
// holds over all attempts of the request.
import type { FailureKind } from '../replies/failure.ts';
import type { RequestScope } from '../pipeline/request-scope.ts';
import type { Deployment } from '../serving/deployment.ts';
import type { Instance } from '../serving/instance.ts';
import { readAffinityToken } from './affinity-cookie.ts';
import { heldBytesOf } from './held-bytes.ts';
import type { RoomLimits, Waiter, WaitFailure } from './waiting-room.ts';

export interface SearchEvents {
  readonly found: (instance: Instance) => void;
  readonly failed: (kind: FailureKind, cause: string | null) => void;
}

export class InstanceSearch {
  readonly affinity: string | null;
  readonly #scope: RequestScope;
  readonly #deployment: Deployment;
  readonly #events: SearchEvents;
  #deadlineMs: number | null = null;
  #waiter: Waiter | null = null;

  constructor(scope: RequestScope, deployment: Deployment, events: SearchEvents) {
    this.#scope = scope;
    this.#deployment = deployment;
    this.#events = events;
    this.affinity =
      deployment.policy.affinity === 'cookie' ? readAffinityToken(scope.exchange.header('cookie')) : null;
  }

  /** Calls `found` before it returns when somebody is free. */
  start(): void {
    const { clock } = this.#scope.services;
    const instance = this.#deployment.pick(clock.now(), this.affinity);
    if (instance === null) this.#wait();
    else this.#events.found(instance);
  }

  cancel(): void {
    if (this.#waiter !== null) this.#deployment.waiting.leave(this.#waiter);
    this.#waiter = null;
  }

  #wait(): void {
    const deployment = this.#deployment;
    const { limits, clock, waiting } = this.#scope.services;
    const waking = deployment.traffic.kind === 'onDemand';
    this.#deadlineMs ??= clock.now() + (waking ? limits.wakingTimeoutMs : limits.waitingTimeoutMs);
    const room: RoomLimits = {
      waitersMax: waking ? limits.wakingRequestsMax : limits.waitingRequestsMax,
      heldBytesMax: limits.wakingBodyBytesMax,
    };
    const waiter: Waiter = {
      heldBytes: heldBytesOf(this.#scope.exchange, limits.heldBodyBytesMax),
      deadlineMs: this.#deadlineMs,
      retry: () => this.#retry(waiter),
      fail: (reason) => {
        this.#waiter = null;
        this.#events.failed(...failureOf(reason, waking));
      },
    };
    if (!deployment.waiting.enter(waiter, room)) {
      this.#events.failed('queueFull', `${deployment.waiting.size} requests wait already`);
      return;
    }
    this.#waiter = waiter;
    waiting.attend(deployment);
    if (waking) this.#sayWake();
  }

  #retry(waiter: Waiter): boolean {
    const instance = this.#deployment.pick(this.#scope.services.clock.now(), this.affinity);
    if (instance === null) return false;
    // Out of the room first: the request may come back into it before `found` returns.
    this.#deployment.waiting.leave(waiter);
    this.#waiter = null;
    this.#events.found(instance);
    return true;
  }

  /** Once, however many wait, until the control process answers in one way or the other. */
  #sayWake(): void {
    if (this.#deployment.wakeSaid) return;
    this.#deployment.wakeSaid = true;
    this.#scope.services.send({ type: 'wake', deploymentId: this.#deployment.id });
  }
}

type Explained = readonly [kind: FailureKind, cause: string | null];

const failures: Readonly<Record<WaitFailure, Explained>> = {
  timedOut: ['noInstance', 'no healthy instance came'],
  startFailed: ['startFailed', 'cold start failed'],
  maintenance: ['maintenance', null],
  stopped: ['stopped', null],
  removed: ['stopped', 'the deployment was removed'],
};

const failureOf = (reason: WaitFailure, waking: boolean): Explained =>
  reason === 'timedOut' && waking ? ['startTimedOut', 'cold start took too long'] : failures[reason];
