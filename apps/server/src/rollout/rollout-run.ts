// One rollout as its watchers see it: its events from the first on, for whoever joins whenever, and the switch
// that asks for a revert. The work runs on whether anybody watches or not.
import { TakoError } from '@tako/config';
import type { RolloutEvent, RolloutKind } from '@tako/protocol';
import { rolloutEventsMax } from '../limits.ts';

export type { RolloutKind };

export class RolloutRun {
  readonly id: string;
  readonly deploymentId: string;
  readonly kind: RolloutKind;
  readonly to: string | null;
  readonly startedAt = Date.now();
  readonly #events: RolloutEvent[] = [];
  readonly #revert = new AbortController();
  #finished = false;
  #committed = false;
  #changed = Promise.withResolvers<void>();
  readonly #done = Promise.withResolvers<void>();

  constructor(facts: { id: string; deploymentId: string; kind: RolloutKind; to: string | null }) {
    this.id = facts.id;
    this.deploymentId = facts.deploymentId;
    this.kind = facts.kind;
    this.to = facts.to;
  }

  get finished(): boolean {
    return this.#finished;
  }

  /** Resolves when it has finished, whichever way. */
  get done(): Promise<void> {
    return this.#done.promise;
  }

  get signal(): AbortSignal {
    return this.#revert.signal;
  }

  emit(event: RolloutEvent): void {
    // A rollout says a few events per instance; the limit is a guard against a bug, not a policy.
    if (this.#events.length < rolloutEventsMax) this.#events.push(event);
    this.#wake();
  }

  committed(): void {
    this.#committed = true;
  }

  finish(): void {
    this.#finished = true;
    this.#done.resolve();
    this.#wake();
  }

  /** Throws ROLLOUT_FINISHED when it is too late. */
  revert(): void {
    if (this.#committed || this.#finished) {
      throw new TakoError('ROLLOUT_FINISHED', `rollout ${this.id} has finished and cannot be reverted`, {
        hint: 'tako rollback goes back to the release before',
        details: { rolloutId: this.id },
      });
    }
    this.#revert.abort(new TakoError('ROLLOUT_REVERTED', 'the revert was asked for'));
  }

  /** All events from the first; ends when the rollout ended or the reader left. */
  async *events(signal: AbortSignal): AsyncGenerator<RolloutEvent, void> {
    const left = new Promise<void>((resolve) =>
      signal.addEventListener('abort', () => resolve(), { once: true }),
    );
    for (let next = 0; ;) {
      while (next < this.#events.length) {
        const event = this.#events[next];
        next += 1;
        if (event !== undefined) yield event;
      }
      if (this.#finished || signal.aborted) return;
      await Promise.race([this.#changed.promise, left]);
    }
  }

  #wake(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }
}
