// Applies the moves of instance-state.ts and tells each change once, until it is silenced. Knows no processes.
import { canMove, type InstanceMove, nextState } from './instance-state.ts';
import type { InstanceEvent, InstanceState } from './instance.types.ts';
import { StabilityWatch } from './stability-watch.ts';

export class StateOwner {
  /** Told of every departure from `healthy`. */
  readonly stability = new StabilityWatch();
  readonly #onEvent: (event: InstanceEvent) => void;
  #state: InstanceState = 'starting';
  #silent = false;

  constructor(onEvent: (event: InstanceEvent) => void) {
    this.#onEvent = onEvent;
  }

  get current(): InstanceState {
    return this.#state;
  }

  get isSilent(): boolean {
    return this.#silent;
  }

  can(move: InstanceMove): boolean {
    return canMove(this.#state, move);
  }

  /** An illegal move is an assertion failure. */
  move(move: InstanceMove, reason: string): void {
    const from = this.#state;
    this.#state = nextState(from, move);
    if (from === 'healthy') this.stability.left();
    this.tell({ type: 'stateChanged', from, to: this.#state, reason });
  }

  tell(event: InstanceEvent): void {
    if (!this.#silent) this.#onEvent(event);
  }

  /** Handed over: nobody here is told anything any more. */
  silence(): void {
    this.#silent = true;
    this.stability.left();
  }
}
