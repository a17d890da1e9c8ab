// The HTTP/2 connections to one instance, and the requests that wait for a stream on one: as few connections as hold
// them. Knows no request beyond that it waits.
import type { InstancePool } from '../instance-pools.ts';
import type { SessionFailure, SessionOwner, SessionServices } from './session.types.ts';
import type { UpstreamTarget } from '../upstream.types.ts';
import { UpstreamSession } from './session.ts';

/** A request without a stream yet. */
export interface SessionCandidate {
  readonly connectTimeoutMs: number;
  readonly sessionFound: (session: UpstreamSession) => void;
  readonly sessionFailed: (failure: SessionFailure) => void;
}

export class SessionPool implements SessionOwner, InstancePool {
  readonly target: UpstreamTarget;
  readonly #services: SessionServices;
  readonly #sessions = new Set<UpstreamSession>();
  /** In the order in which they came. */
  readonly #waiting = new Set<SessionCandidate>();
  #retired = false;

  constructor(target: UpstreamTarget, services: SessionServices) {
    this.target = target;
    this.#services = services;
  }

  get idleCount(): number {
    return [...this.#sessions].filter((session) => session.isIdle && !session.isConnecting).length;
  }

  get busyCount(): number {
    return this.#sessions.size - this.idleCount;
  }

  /** Something is under way or waits for it. */
  get isInUse(): boolean {
    return this.#waiting.size > 0 || this.#sessions.size > 0;
  }

  /** Told of a session, perhaps at once, or of a failure. */
  enter(candidate: SessionCandidate): void {
    this.#waiting.add(candidate);
    this.#settle(true);
  }

  leave(candidate: SessionCandidate): void {
    this.#waiting.delete(candidate);
  }

  /** Idle connections end now, others after their last stream. */
  retire(): void {
    this.#retired = true;
    this.#settle(false);
  }

  destroy(): void {
    this.#retired = true;
    for (const session of this.#sessions) session.destroy();
  }

  sessionChanged(): void {
    this.#settle(true);
  }

  sessionClosed(session: UpstreamSession, failure: SessionFailure | null): void {
    this.#sessions.delete(session);
    if (failure === null) {
      this.#settle(true);
      return;
    }
    // The app takes no further connection: whoever has another one to wait for waits, until its own deadline.
    if (this.#sessions.size > 0) return;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const candidate of waiting) candidate.sessionFailed(failure);
  }

  #settle(mayOpen: boolean): void {
    for (const session of this.#sessions) {
      while (session.hasRoom && this.#waiting.size > 0) this.#giveNext(session);
    }
    const [first] = this.#waiting;
    if (first === undefined) {
      if (this.#retired) this.#endIdle();
    } else if (mayOpen && this.#canOpen()) {
      const connectTimeoutMs = first.connectTimeoutMs;
      this.#sessions.add(new UpstreamSession(this.target, this.#services, { owner: this, connectTimeoutMs }));
    }
  }

  /** One at a time: how many streams it takes is known only when it stands. */
  #canOpen(): boolean {
    if (this.#sessions.size >= this.#services.limits.sessionsMax) return false;
    for (const session of this.#sessions) if (session.isConnecting || session.isShut) return false;
    return true;
  }

  #giveNext(session: UpstreamSession): void {
    const [first] = this.#waiting;
    if (first === undefined) return;
    this.#waiting.delete(first);
    first.sessionFound(session);
  }

  #endIdle(): void {
    for (const session of this.#sessions) if (session.isIdle) session.leave();
  }
}
