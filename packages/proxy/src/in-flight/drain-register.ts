// Drains of instances: the set of requests in flight is taken once, waited for until the deadline; then streams are
// ended properly, the rest is cut, and `drained` is said once. Knows nothing of how a request is ended.
import type { WorkerMessage } from '../control/messages.ts';
import type { Instance } from '../serving/instance.ts';
import type { Clock } from '../timing/clock.ts';
import type { InFlightRequest } from './in-flight-request.ts';

export interface DrainRegisterOptions {
  readonly clock: Clock;
  /** What streams get to say goodbye after the deadline. */
  readonly politeEndMs: number;
  readonly send: (message: WorkerMessage) => void;
}

interface Drain {
  readonly instance: Instance;
  readonly pending: Set<InFlightRequest>;
  readonly polite: Set<InFlightRequest>;
  dueAt: number;
  endedStreams: number;
  cutConnections: number;
  cancel: () => void;
}

export class DrainRegister {
  readonly #options: DrainRegisterOptions;
  readonly #drains = new Map<string, Drain>();

  constructor(options: DrainRegisterOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#drains.size;
  }

  /** An instance that is not known has nothing in flight: told at once. */
  drainUnknown(instanceId: string): void {
    this.#options.send({ type: 'drained', instance: instanceId, endedStreams: 0, cutConnections: 0 });
  }

  /** A second drain of an instance under way may only bring its deadline forward. */
  drain(instance: Instance, deadlineMs: number): void {
    const dueAt = this.#options.clock.now() + deadlineMs;
    const under = this.#drains.get(instance.id);
    if (under !== undefined) {
      if (dueAt < under.dueAt) this.#schedule(under, dueAt);
      return;
    }
    instance.rotation = 'draining';
    const drain: Drain = {
      instance,
      pending: new Set(instance.inFlight),
      polite: new Set(),
      dueAt,
      endedStreams: 0,
      cutConnections: 0,
      cancel: () => undefined,
    };
    this.#drains.set(instance.id, drain);
    if (drain.pending.size === 0) this.#finish(drain);
    else this.#schedule(drain, dueAt);
  }

  /** A request is over as far as the instance is concerned. */
  left(instance: Instance, request: InFlightRequest): void {
    const drain = this.#drains.get(instance.id);
    if (drain === undefined || !drain.pending.delete(request)) return;
    if (drain.polite.delete(request)) drain.endedStreams += 1;
    if (drain.pending.size === 0) this.#finish(drain);
  }

  close(): void {
    for (const drain of this.#drains.values()) drain.cancel();
    this.#drains.clear();
  }

  #schedule(drain: Drain, dueAt: number): void {
    drain.cancel();
    drain.dueAt = dueAt;
    const wait = Math.max(0, dueAt - this.#options.clock.now());
    drain.cancel = this.#options.clock.after(wait, () => this.#endAll(drain));
  }

  #endAll(drain: Drain): void {
    for (const request of Array.from(drain.pending)) {
      if (request.isStream()) {
        drain.polite.add(request);
        request.endPolitely();
      } else {
        drain.cutConnections += 1;
        request.cut();
      }
    }
    if (!this.#drains.has(drain.instance.id)) return;
    drain.cancel = this.#options.clock.after(this.#options.politeEndMs, () => this.#cutRest(drain));
  }

  #cutRest(drain: Drain): void {
    for (const request of Array.from(drain.pending)) {
      if (drain.polite.delete(request)) drain.cutConnections += 1;
      request.cut();
    }
    // Whatever a request does with a cut, the control process gets its answer.
    if (this.#drains.has(drain.instance.id)) this.#finish(drain);
  }

  #finish(drain: Drain): void {
    drain.cancel();
    this.#drains.delete(drain.instance.id);
    this.#options.send({
      type: 'drained',
      instance: drain.instance.id,
      endedStreams: drain.endedStreams,
      cutConnections: drain.cutConnections,
    });
  }
}
