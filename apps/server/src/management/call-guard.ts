// What every mutating call passes before it does anything: is the server stopping, is the lock held, and the
// audit row afterwards. Knows no procedure.
import { TakoError } from '@tako/config';
import type { CallContext } from '@tako/protocol';

export interface AuditFacts {
  readonly caller: string;
  readonly procedure: string;
  readonly deploymentId: string | null;
}

export interface Audit {
  call<T>(facts: AuditFacts, work: () => Promise<T>): Promise<T>;
  /** `codeOf` tells the error code of a stream that ended without a throw: a rollout that rolled back, say. */
  stream<E>(
    facts: AuditFacts,
    events: AsyncIterable<E>,
    codeOf: (last: E | undefined) => string | null,
  ): AsyncIterable<E>;
}

export interface Locks {
  /** Throws LOCK_LOST or DEPLOYMENT_LOCKED. */
  assertHeld(deploymentId: string, token: string): void;
}

export type Refusal = () => TakoError | null;

interface Call {
  readonly procedure: string;
  readonly context: CallContext;
  readonly deploymentId?: string;
  readonly token?: string;
}

export class CallGuard {
  readonly #audit: Audit;
  readonly #locks: Locks;
  readonly #refusals: readonly Refusal[];
  #active = 0;
  #ended = Promise.withResolvers<void>();

  /** `refusals` are asked in order: stopping, upgrading. */
  constructor(audit: Audit, locks: Locks, refusals: readonly Refusal[]) {
    this.#audit = audit;
    this.#locks = locks;
    this.#refusals = refusals;
  }

  call<T>(call: Call, work: () => Promise<T>): Promise<T> {
    return this.#audit.call(factsOf(call), async () => {
      this.#check(call);
      using _active = this.#begin();
      return await work();
    });
  }

  stream<E>(
    call: Call,
    work: () => Promise<AsyncIterable<E>>,
    codeOf: (last: E | undefined) => string | null = () => null,
  ): AsyncIterable<E> {
    return this.#audit.stream(factsOf(call), this.#checked(call, work), codeOf);
  }

  async *#checked<E>(call: Call, work: () => Promise<AsyncIterable<E>>): AsyncGenerator<E, void> {
    this.#check(call);
    using _active = this.#begin();
    yield* await work();
  }

  /** Resolves when no guarded call is under way. A rollout's stream counts only as long as somebody reads it. */
  async allEnded(): Promise<void> {
    while (this.#active > 0) await this.#ended.promise;
  }

  #begin(): Disposable {
    this.#active += 1;
    return {
      [Symbol.dispose]: () => {
        this.#active -= 1;
        this.#ended.resolve();
        this.#ended = Promise.withResolvers<void>();
      },
    };
  }

  #check(call: Call): void {
    for (const refusal of this.#refusals) {
      const error = refusal();
      if (error !== null) throw error;
    }
    if (call.deploymentId !== undefined && call.token !== undefined)
      this.#locks.assertHeld(call.deploymentId, call.token);
  }
}

function factsOf(call: Call): AuditFacts {
  return { caller: call.context.caller, procedure: call.procedure, deploymentId: call.deploymentId ?? null };
}

/** Of an artifact upload and other calls that name no deployment: the refusals alone. */
export function stoppingRefusal(stopping: () => boolean): Refusal {
  return () =>
    stopping()
      ? new TakoError('SERVER_STOPPING', 'the server is stopping and takes no changes', {
          hint: 'try again when it is back',
        })
      : null;
}
