// What one process has once: its payload, whether it serves yet, its phase. Kept under a process-wide symbol,
// because an app that bundles the SDK and the runner beside it are two copies of this module.
import { type Payload } from './payload.ts';
import { takePayload } from './payload-reader.ts';
import { type InstanceEnvironment, readInstanceEnvironment } from './process-environment.ts';

export type Phase = 'starting' | 'ready' | 'draining';

const NEXT: Readonly<Record<Phase, readonly Phase[]>> = {
  starting: ['ready', 'draining'],
  ready: ['draining'],
  draining: [],
};

/** The one owner of the process's state. Other copies of the SDK may be older: only add members. */
export class InstanceContext {
  readonly environment: InstanceEnvironment;
  readonly draining = new AbortController();
  #payload: Payload | null | undefined;
  #phase: Phase = 'starting';
  #isClaimed = false;

  constructor(environment: InstanceEnvironment) {
    this.environment = environment;
  }

  /** Whether Tako started this process. If not, the SDK is inert. */
  get isManaged(): boolean {
    return this.environment.instance !== null;
  }

  get phase(): Phase {
    return this.#phase;
  }

  get isClaimed(): boolean {
    return this.#isClaimed;
  }

  /** Reads fd 3 the first time. null where Tako did not start this process. Throws as `takePayload`. */
  payload(): Payload | null {
    this.#payload ??= this.isManaged ? takePayload() : null;
    return this.#payload;
  }

  /** An instance has one server: the first serve() or attach() has it. Throws for any later one. */
  claim(caller: string): void {
    if (this.#isClaimed && this.isManaged) {
      throw new Error(
        `${caller} was called, but this process already serves: an instance has one serve() or attach()`,
      );
    }
    this.#isClaimed = true;
  }

  moveTo(phase: Phase): void {
    if (!NEXT[this.#phase].includes(phase))
      throw new Error(`an instance cannot go from ${this.#phase} to ${phase}`);
    this.#phase = phase;
    if (phase === 'draining') this.draining.abort(new Error('the instance is draining'));
  }
}

const CONTEXT = Symbol.for('@tako/sdk instance v1');

/** Throws when the environment is not of the form that Tako gives. */
export function instanceContext(): InstanceContext {
  const existing: unknown = Reflect.get(globalThis, CONTEXT);
  if (isContext(existing)) return existing;
  const created = new InstanceContext(readInstanceEnvironment());
  Object.defineProperty(globalThis, CONTEXT, { value: created });
  return created;
}

/** By form, not by class: it may come from another copy of this module. */
function isContext(value: unknown): value is InstanceContext {
  return typeof value === 'object' && value !== null && 'claim' in value && 'moveTo' in value;
}
