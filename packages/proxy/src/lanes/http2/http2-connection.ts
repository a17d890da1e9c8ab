// One HTTP/2 connection: what is under way on it, when it must end and how, and what its client may do to us in
// frames that no request explains. Owns the deadlines; knows nothing of what a stream carries.
import type { Socket } from 'node:net';
import { Roll, type Seat } from '../../in-flight/roll.ts';
import type { ConnectionFacts } from '../../pipeline/exchange.ts';
import type { Deadline } from '../../timing/deadline-wheel.ts';
import type { LaneDeps } from '../general/lane-deps.ts';
import type { LaneConnection } from '../lane.ts';
import { TokenBucket } from './token-bucket.ts';

/** How the connection ends, by whoever cuts its frames. */
export interface Http2SessionEnd {
  /** GOAWAY: what is under way is finished, and nothing more begins. */
  readonly goAway: () => void;
  /** RFC 9113 §10.5: more of something than any use of the connection explains. */
  readonly flooded: (reason: string) => void;
  /** At once, whatever is on its way. */
  readonly cut: () => void;
}

/** What the connection must know of an exchange on it. */
export interface Http2Tenant {
  /** Clock ms of our last word on it; null before. */
  readonly endedAt: number | null;
  /** The client does not take what was answered. */
  readonly cutUnread: () => void;
}

/** How often streams are looked at that are answered, and not read by the client. */
const lookMs = 5_000;

export class Http2Connection implements LaneConnection {
  readonly facts: ConnectionFacts;
  readonly #socket: Socket;
  readonly #deps: LaneDeps;
  readonly #deadline: Deadline;
  readonly #tenants = new Roll<Http2Tenant>();
  readonly #end: Http2SessionEnd;
  readonly #control: TokenBucket;
  readonly #resets: TokenBucket;
  #requests = 0;
  /** The client has introduced itself (RFC 9113 §3.4). */
  #isGreeted = false;
  #idleSince: number;
  #closing = false;
  #endsAt = Infinity;

  constructor({ socket, end, facts, deps }: Http2ConnectionInput) {
    const { clock, limits } = deps;
    this.facts = facts;
    this.#socket = socket;
    this.#end = end;
    this.#deps = deps;
    this.#idleSince = clock.now();
    this.#control = new TokenBucket(
      { burst: limits.http2ControlFramesBurst, perSecond: limits.http2ControlFramesPerSecond },
      this.#idleSince,
    );
    this.#resets = new TokenBucket(
      { burst: limits.http2ResetsBurst, perSecond: limits.http2ResetsPerSecond },
      this.#idleSince,
    );
    this.#deadline = deps.wheel.create(() => this.#look());
    this.#deadline.set(this.#idleSince + limits.headTimeoutMs);
    socket.once('close', () => this.#deadline.end());
    // HTTP/2 knows no half-closed connection: who ends his side has left, whatever is under way.
    socket.once('end', () => this.cut());
  }

  get isIdle(): boolean {
    return this.#tenants.size === 0;
  }

  /** WebSockets are streams like any other here. */
  get isUpgraded(): boolean {
    return false;
  }

  /** A request that GOAWAY crosses on its way is known as unprocessed, and may be sent again (RFC 9113 §6.8). */
  get isReadingHead(): boolean {
    return false;
  }

  /** SETTINGS of the client. */
  greeted(): void {
    this.#isGreeted = true;
    this.controlFrame();
  }

  /** A frame that belongs to no request. */
  controlFrame(): void {
    if (!this.#control.take(this.#deps.clock.now())) this.#end.flooded('too many PING and SETTINGS frames');
  }

  began(tenant: Http2Tenant): Seat<Http2Tenant> {
    this.#requests += 1;
    // Told to go, it had begun this one before it heard of it.
    this.#endsAt = Infinity;
    this.#control.earn(controlFramesPerRequest);
    if (this.isIdle) this.#deadline.set(this.#deps.clock.now() + lookMs);
    const seat = this.#tenants.add(tenant);
    // Still served, with what came along with it: GOAWAY refuses whatever has not been looked at by then.
    if (this.#deps.isLame() || this.#requests >= this.#deps.limits.requestsPerConnectionMax)
      setImmediate(() => this.closeSoon());
    return seat;
  }

  ended(seat: Seat<Http2Tenant>): void {
    this.#tenants.remove(seat);
    if (!this.isIdle) return;
    const now = this.#deps.clock.now();
    this.#idleSince = now;
    if (this.#closing) this.#linger();
    else this.#deadline.set(now + this.#deps.limits.keepAliveTimeoutMs);
  }

  /** Body octets went either way: they explain a PING or two (flow control, bandwidth estimation). */
  moved(bytes: number): void {
    this.#control.earn(bytes / bytesPerControlFrame);
  }

  /** GOAWAY: what is under way is finished, and nothing more begins. */
  closeSoon(): void {
    if (this.#closing) return;
    this.#closing = true;
    this.#end.goAway();
    if (this.isIdle) this.#linger();
  }

  cut(): void {
    this.#end.cut();
  }

  /** A stream ended by the client, or by its faults, before we had answered: work for nothing. */
  aborted(): void {
    if (!this.#resets.take(this.#deps.clock.now())) this.#end.flooded('too many streams were reset');
  }

  /** The client may take so long to read the last frames; what it sends meanwhile is discarded by Node. */
  #linger(): void {
    this.#endsAt = this.#deps.clock.now() + this.#deps.limits.lingerMs;
    this.#deadline.set(this.#endsAt);
  }

  #look(): void {
    const { clock, limits } = this.#deps;
    const now = clock.now();
    if (now >= this.#endsAt) {
      this.#socket.destroy();
    } else if (!this.isIdle) {
      this.#lookForUnread(now - limits.bodyIdleTimeoutMs);
      this.#deadline.set(now + Math.min(lookMs, limits.bodyIdleTimeoutMs));
    } else if (!this.#isGreeted) {
      this.#socket.destroy();
    } else if (now - this.#idleSince >= limits.keepAliveTimeoutMs) {
      this.closeSoon();
    } else {
      this.#deadline.set(this.#idleSince + limits.keepAliveTimeoutMs);
    }
  }

  #lookForUnread(endedBefore: number): void {
    for (const tenant of Array.from(this.#tenants)) {
      if (tenant.endedAt !== null && tenant.endedAt <= endedBefore) tenant.cutUnread();
    }
  }
}

export interface Http2ConnectionInput {
  readonly socket: Socket;
  readonly end: Http2SessionEnd;
  readonly facts: ConnectionFacts;
  readonly deps: LaneDeps;
}

/** A client may well send a PING with each request, and two for each 16 KiB that it gets or sends. */
const controlFramesPerRequest = 2;
const bytesPerControlFrame = 8 * 1024;
