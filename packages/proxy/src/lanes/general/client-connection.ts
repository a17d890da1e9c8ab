// One client connection of the general lane: what is under way on it, when it must end, and how. Owns the head and
// keep-alive deadlines, since Node's own never fire on connections that were handed to a server (facts).
import type { Socket } from 'node:net';
import type { Limits } from '../../limits.ts';
import type { ConnectionFacts } from '../../pipeline/exchange.ts';
import type { Clock } from '../../timing/clock.ts';
import type { Deadline, DeadlineWheel } from '../../timing/deadline-wheel.ts';
import { closeLingering } from './lingering-close.ts';
import { RequestQueue, type WaitingRequest } from './request-queue.ts';

export interface ClientConnectionDeps {
  readonly limits: Limits;
  readonly clock: Clock;
  readonly wheel: DeadlineWheel;
  /** 408 where octets of a head had come. */
  readonly headTimedOut: (connection: ClientConnection) => void;
  /** Lame: every response says `Connection: close`. */
  readonly isLame: () => boolean;
}

/** A part of the connection that can tell whether the client is still sending its body. */
export interface ConnectionTenant {
  readonly isBodyComplete: () => boolean;
  /** The parser could not go on in the middle of this tenant's body. */
  readonly bodyMalformed: (reason: string) => void;
  /** Told where node:http has let go of the socket while an answer is still under way. */
  readonly socketDrained: () => void;
  readonly socketClosed: () => void;
}

/** How often an idle connection is looked at for the first octets of its next head. */
const idleLookMs = 5_000;

export class ClientConnection {
  readonly socket: Socket;
  readonly facts: ConnectionFacts;
  readonly #deps: ClientConnectionDeps;
  readonly #deadline: Deadline;
  readonly #queue: RequestQueue;
  #tenant: ConnectionTenant | null = null;
  /** The one before: answered, its body perhaps still coming. */
  #lastTenant: ConnectionTenant | null = null;
  #requests = 0;
  #waitingSince: number;
  /** Octets read when the connection became idle; more of them mean that a head has begun. */
  #bytesAtIdle = 0;
  #headBegan: number | null;
  #closing = false;
  #ending = false;
  #upgraded = false;
  #clientEnded = false;
  /** Octets written when the half-closed client was last looked at. */
  #bytesAtLook = 0;

  constructor(socket: Socket, facts: ConnectionFacts, deps: ClientConnectionDeps) {
    this.socket = socket;
    this.facts = facts;
    this.#deps = deps;
    this.#queue = new RequestQueue(socket);
    this.#waitingSince = deps.clock.now();
    this.#headBegan = this.#waitingSince;
    this.#deadline = deps.wheel.create(() => this.#look());
    this.#deadline.set(this.#waitingSince + deps.limits.headTimeoutMs);
    socket.once('close', () => this.#deadline.end());
    socket.once('end', () => this.#inputEnded());
    // node:http ends a connection with destroySoon; where the client is still sending, that would be a reset. It also
    // does so after the last message of a client that has ended its side, whatever is to be said after that.
    socket.destroySoon = () => {
      if (this.#closing || this.#queue.isEmpty) this.closeSoon();
    };
  }

  get isIdle(): boolean {
    return this.#tenant === null;
  }

  get isUpgraded(): boolean {
    return this.#upgraded;
  }

  /** Our side has ended: what still comes cannot be answered, so no app may see it. */
  get isEnding(): boolean {
    return this.#ending;
  }

  /** A head is on its way in; not to be closed under it. */
  get isReadingHead(): boolean {
    return this.isIdle && this.socket.bytesRead > this.#bytesAtIdle;
  }

  /** The response being written is the last one of this connection. */
  get mustClose(): boolean {
    return (
      this.#closing ||
      (this.#clientEnded && this.#queue.isEmpty) ||
      this.#requests >= this.#deps.limits.requestsPerConnectionMax ||
      this.#deps.isLame()
    );
  }

  /** Begins a request once everything before it was answered. */
  takeTurn(request: WaitingRequest): void {
    if (this.isIdle && this.#queue.isEmpty) request.begin(null);
    else this.#queue.add(request);
  }

  /** The parser can read no further. `refuse` answers where that concerns no request that came before. */
  parserFailed(fault: string, refuse: () => void): void {
    const sending = [this.#tenant, this.#lastTenant].find((tenant) => tenant?.isBodyComplete() === false);
    if (sending !== undefined && this.#queue.isEmpty) sending?.bodyMalformed(fault);
    else if (this.isIdle && this.#queue.isEmpty) refuse();
    else this.#queue.fail(fault, refuse);
  }

  /** node:http has let go of the socket, as it does at a CONNECT, and no longer tells of it. */
  parserGone(): void {
    this.socket.on('drain', () => this.#tenant?.socketDrained());
    this.socket.on('close', () => this.#tenant?.socketClosed());
  }

  began(tenant: ConnectionTenant): void {
    this.#requests += 1;
    this.#tenant = tenant;
    this.#lastTenant = null;
    this.#headBegan = null;
    if (this.#clientEnded) this.#watchHalfClosed();
    else this.#deadline.clear();
  }

  ended(tenant: ConnectionTenant): void {
    if (this.#tenant !== tenant) return;
    this.#tenant = null;
    this.#lastTenant = tenant;
    if (this.#closing || this.#ending || this.socket.destroyed) this.#queue.clear();
    if (this.#upgraded || this.socket.destroyed) return;
    if (this.#closing) {
      this.closeSoon();
      return;
    }
    if (this.#ending || this.#queue.next()) return;
    if (this.#clientEnded) {
      this.closeSoon();
      return;
    }
    this.#waitingSince = this.#deps.clock.now();
    this.#bytesAtIdle = this.socket.bytesRead;
    this.#armIdle();
  }

  /** From now on bytes of another protocol flow: no deadline of ours applies. */
  upgraded(): void {
    this.#upgraded = true;
    this.#deadline.clear();
  }

  /** Nothing more is answered after what is under way. */
  markClosing(): void {
    this.#closing = true;
  }

  /** After everything written so far, and not before the client had its time to read it. */
  closeSoon(): void {
    if (this.#ending) return;
    this.#ending = true;
    this.#deadline.clear();
    closeLingering(this.socket, this.#deps.clock, this.#deps.limits);
  }

  /** What could not be parsed was answered: whatever follows is read into the void. */
  closeDiscarding(): void {
    this.#closing = true;
    this.socket.removeAllListeners('data');
    this.socket.resume();
    this.closeSoon();
  }

  /** So that the client notices an unfinished response. */
  cut(): void {
    // Only TCP itself knows a reset.
    if (this.facts.tls || this.facts.isUnixSocket) this.socket.destroy();
    else this.socket.resetAndDestroy();
  }

  #inputEnded(): void {
    this.#clientEnded = true;
    if (this.#upgraded || this.#ending) return;
    if (this.isIdle && this.#queue.isEmpty) this.closeSoon();
    else if (this.#tenant?.isBodyComplete() === false && this.#queue.isEmpty) this.cut();
    else this.#watchHalfClosed();
  }

  /** RFC 9112 §9.6: its request is complete, so it may want the answer; or it is gone. */
  #watchHalfClosed(): void {
    this.#bytesAtLook = this.socket.bytesWritten;
    this.#deadline.set(this.#deps.clock.now() + this.#deps.limits.halfClosedMs);
  }

  #armIdle(): void {
    const { limits, clock } = this.#deps;
    this.#deadline.set(clock.now() + Math.min(idleLookMs, limits.keepAliveTimeoutMs, limits.headTimeoutMs));
  }

  #look(): void {
    const { limits, clock } = this.#deps;
    if (this.socket.destroyed) return;
    if (!this.isIdle) {
      if (this.socket.bytesWritten > this.#bytesAtLook) this.#watchHalfClosed();
      else this.cut();
      return;
    }
    const now = clock.now();
    if (this.#headBegan === null && this.isReadingHead) this.#headBegan = now;
    const dueAt =
      this.#headBegan === null
        ? this.#waitingSince + limits.keepAliveTimeoutMs
        : this.#headBegan + limits.headTimeoutMs;
    if (now < dueAt) {
      this.#deadline.set(Math.min(dueAt, now + idleLookMs));
    } else if (this.isReadingHead) {
      this.#deps.headTimedOut(this);
    } else {
      this.closeSoon();
    }
  }
}
