// One pool of connections for each instance, whatever is spoken on them: made when first asked for, retired with its
// instance. Knows no request and no protocol.
import type { UpstreamTarget } from './upstream.types.ts';

export interface InstancePool {
  readonly target: UpstreamTarget;
  /** Connections with nothing under way. */
  readonly idleCount: number;
  readonly busyCount: number;
  /** It cannot be forgotten yet: something of it is still there. */
  readonly isInUse: boolean;
  /** Idle connections end now, others after what is under way. */
  readonly retire: () => void;
  readonly destroy: () => void;
}

export class InstancePools<Pool extends InstancePool> {
  readonly #create: (target: UpstreamTarget) => Pool;
  readonly #pools = new Map<string, Pool>();
  /** Retired, with requests still under way. */
  readonly #retired = new Set<Pool>();

  constructor(create: (target: UpstreamTarget) => Pool) {
    this.#create = create;
  }

  of(target: UpstreamTarget): Pool {
    const pool = this.#pools.get(target.id);
    if (pool !== undefined && pool.target.port === target.port && pool.target.host === target.host)
      return pool;
    // The same instance elsewhere: nothing of the old place may be used.
    this.forget(target.id);
    const fresh = this.#create(target);
    this.#pools.set(target.id, fresh);
    return fresh;
  }

  forget(instanceId: string): void {
    const pool = this.#pools.get(instanceId);
    if (pool === undefined) return;
    this.#pools.delete(instanceId);
    pool.retire();
    for (const retired of this.#retired) if (!retired.isInUse) this.#retired.delete(retired);
    if (pool.isInUse) this.#retired.add(pool);
  }

  inspect(): { readonly idle: number; readonly busy: number } {
    let idle = 0;
    let busy = 0;
    for (const pool of [...this.#pools.values(), ...this.#retired]) {
      idle += pool.idleCount;
      busy += pool.busyCount;
    }
    return { idle, busy };
  }

  close(): void {
    for (const pool of [...this.#pools.values(), ...this.#retired]) pool.destroy();
    this.#pools.clear();
    this.#retired.clear();
  }
}
