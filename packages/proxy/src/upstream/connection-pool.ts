// The connections to one instance: which is used next (the last one used), how long an idle one is kept, and what
// the app's own closing teaches about that. Knows no request beyond whether it may be sent twice.
import { UpstreamConnection } from './connection.ts';
import type { ConnectionOwner, ConnectionServices } from './connection.types.ts';
import type { InstancePool } from './instance-pools.ts';
import type { UpstreamTarget } from './upstream.types.ts';

/** Share of an observed keep-alive that is still trusted. */
const observedShare = 0.8;

export class ConnectionPool implements ConnectionOwner, InstancePool {
  readonly target: UpstreamTarget;
  readonly #services: ConnectionServices;
  /** Least recently used first. */
  readonly #idle: UpstreamConnection[] = [];
  readonly #all = new Set<UpstreamConnection>();
  #observedIdleMs = Infinity;
  #closed = false;

  constructor(target: UpstreamTarget, services: ConnectionServices) {
    this.target = target;
    this.#services = services;
  }

  get idleCount(): number {
    return this.#idle.length;
  }

  get busyCount(): number {
    return this.#all.size - this.#idle.length;
  }

  get isInUse(): boolean {
    return this.busyCount > 0;
  }

  /** A kept connection that this request can safely go on; null: open one. */
  take(replayable: boolean): UpstreamConnection | null {
    const now = this.#services.clock.now();
    for (;;) {
      const connection = this.#idle.at(-1);
      if (connection === undefined) return null;
      const idleMs = now - connection.idleSince;
      if (idleMs >= this.#idleLimitMs(connection)) {
        connection.destroy();
        continue;
      }
      if (!replayable && idleMs >= this.#unrepeatableIdleMs(connection)) return null;
      this.#idle.pop();
      return connection;
    }
  }

  open(): UpstreamConnection {
    const connection = new UpstreamConnection(this.target, this.#services, this);
    this.#all.add(connection);
    return connection;
  }

  /** Idle connections end now, busy ones after their response. */
  retire(): void {
    this.#closed = true;
    for (const connection of this.#idle.slice()) connection.destroy();
  }

  destroy(): void {
    this.#closed = true;
    for (const connection of this.#all) connection.destroy();
  }

  connectionIdle(connection: UpstreamConnection): void {
    const limitMs = this.#idleLimitMs(connection);
    if (this.#closed || limitMs <= 0) {
      connection.destroy();
      return;
    }
    this.#idle.push(connection);
    connection.rest(limitMs);
    if (this.#idle.length > this.#services.limits.idleConnectionsMax) this.#idle[0]?.destroy();
  }

  connectionClosed(connection: UpstreamConnection, idleMs: number): void {
    this.#all.delete(connection);
    const place = this.#idle.lastIndexOf(connection);
    if (place !== -1) this.#idle.splice(place, 1);
    if (idleMs > 0 && connection.keepAliveSeconds < 0) {
      this.#observedIdleMs = Math.min(this.#observedIdleMs, idleMs * observedShare);
    }
  }

  #idleLimitMs(connection: UpstreamConnection): number {
    const { idleTimeoutMs, idleTimeoutMaxMs, idleTimeoutMinMs, announcedMarginMs } = this.#services.limits;
    if (connection.keepAliveSeconds >= 0) {
      const announcedMs = connection.keepAliveSeconds * 1_000;
      return Math.min(idleTimeoutMaxMs, Math.max(announcedMs - announcedMarginMs, announcedMs / 2));
    }
    return Math.min(idleTimeoutMs, Math.max(idleTimeoutMinMs, this.#observedIdleMs));
  }

  #unrepeatableIdleMs(connection: UpstreamConnection): number {
    if (connection.keepAliveSeconds >= 0) return Infinity;
    return Math.min(this.#services.limits.unannouncedIdleMs, this.#observedIdleMs);
  }
}
