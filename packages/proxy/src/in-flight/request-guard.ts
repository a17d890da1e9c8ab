// Everything one request holds (client slot, deployment activity, place on an instance), acquired and released here
// and nowhere else, exactly once, whichever way the request ends (facts, bug 8).
import type { Deployment } from '../serving/deployment.ts';
import type { Instance } from '../serving/instance.ts';
import type { ActivityLedger } from './activity-ledger.ts';
import type { ClientSlot, ClientSlots } from './client-slots.ts';
import type { DrainRegister } from './drain-register.ts';
import type { InFlightRequest } from './in-flight-request.ts';
import type { Seat } from './roll.ts';

export interface GuardKeepers {
  readonly clients: ClientSlots;
  readonly activity: ActivityLedger;
  readonly drains: DrainRegister;
}

export class RequestGuard {
  readonly #keepers: GuardKeepers;
  readonly #deployment: Deployment;
  readonly #slot: ClientSlot;
  #instance: Instance | null = null;
  #seat: Seat<InFlightRequest> | null = null;
  #released = false;

  private constructor(keepers: GuardKeepers, deployment: Deployment, slot: ClientSlot) {
    this.#keepers = keepers;
    this.#deployment = deployment;
    this.#slot = slot;
  }

  /** Null when the client holds `perClientMax` requests already: then nothing is held. */
  static acquire(
    keepers: GuardKeepers,
    { deployment, client, perClientMax }: { deployment: Deployment; client: string; perClientMax: number },
  ): RequestGuard | null {
    const slot = keepers.clients.acquire(client, perClientMax);
    if (slot === null) return null;
    keepers.activity.began(deployment);
    return new RequestGuard(keepers, deployment, slot);
  }

  /** Takes a place on an instance, leaving the one it had (a retry elsewhere). */
  hold(instance: Instance, request: InFlightRequest): void {
    if (this.#released) return;
    this.leaveInstance();
    this.#instance = instance;
    this.#seat = instance.inFlight.add(request);
  }

  /** The instance has nothing more to do for this request; the client may still be reading. */
  leaveInstance(): void {
    const instance = this.#instance;
    const seat = this.#seat;
    if (instance === null || seat === null) return;
    this.#instance = null;
    this.#seat = null;
    instance.inFlight.remove(seat);
    this.#keepers.drains.left(instance, seat.member);
  }

  /** Idempotent. */
  release(): void {
    if (this.#released) return;
    this.#released = true;
    this.leaveInstance();
    this.#keepers.clients.release(this.#slot);
    this.#keepers.activity.ended(this.#deployment);
  }
}
