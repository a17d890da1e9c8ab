// One client connection of the fast lane: hands each request to policy as an exchange, and gives the connection with
// all unread bytes to the general lane where a head is valid but not canonical. Owns its deadlines and its end.
import type { Socket } from 'node:net';
import type { ConnectionFacts } from '../../pipeline/exchange.ts';
import type { Deadline } from '../../timing/deadline-wheel.ts';
import type { FailureKind } from '../../replies/failure.ts';
import { closeLingering } from '../general/lingering-close.ts';
import type { LaneConnection } from '../lane.ts';
import { type ByteTaker, SocketReads } from '../socket-reads.ts';
import { FastExchange } from './fast-exchange.ts';
import type { FastConnectionEvents } from './fast-lane.types.ts';
import type { FastLaneParts } from './fast-lane-parts.ts';
import { type RequestOwner, RequestReader } from './request-reader.ts';

/**
 * `head`: waiting for a head, or in one. `exchange`: a request is under way. `discarding`: it is answered, its body is
 * still coming. `ending`: our side has ended. `handedOver`: the general lane's.
 */
type Phase = 'head' | 'exchange' | 'discarding' | 'ending' | 'handedOver' | 'closed';

export class FastConnection implements LaneConnection, ByteTaker, RequestOwner {
  readonly socket: Socket;
  readonly facts: ConnectionFacts;
  readonly isUpgraded = false;
  readonly reads: SocketReads;
  readonly #reader: RequestReader;
  readonly #parts: FastLaneParts;
  readonly #events: FastConnectionEvents<FastConnection>;
  readonly #deadline: Deadline;
  #phase: Phase = 'head';
  /** Under way, or answered with its body still coming. */
  exchange: FastExchange | null = null;
  #requests = 0;
  #closing = false;
  #clientEnded = false;
  /** Octets written when the half-closed client was last looked at. */
  #bytesAtLook = 0;

  readonly #onDrain = (): void => this.exchange?.drained();
  readonly #onEnd = (): void => this.#inputEnded();
  readonly #onClose = (): void => this.#closed();

  constructor(
    socket: Socket,
    facts: ConnectionFacts,
    { parts, events }: { parts: FastLaneParts; events: FastConnectionEvents<FastConnection> },
  ) {
    this.socket = socket;
    this.facts = facts;
    this.#parts = parts;
    this.#events = events;
    this.reads = new SocketReads(socket, parts.deps.reads, this);
    this.#reader = new RequestReader(parts, this.reads, this);
    this.#deadline = parts.deps.wheel.create(() => this.#expired());
    this.#deadline.set(parts.deps.clock.now() + parts.deps.limits.headTimeoutMs);
    socket.on('drain', this.#onDrain);
    socket.on('end', this.#onEnd);
    socket.on('close', this.#onClose);
    this.reads.start();
    if (this.#phase !== 'handedOver' && !this.reads.isPaused) socket.resume();
  }

  get isIdle(): boolean {
    return this.#phase === 'head';
  }

  get isHandedOver(): boolean {
    return this.#phase === 'handedOver';
  }

  get isReadingHead(): boolean {
    return this.#phase === 'head' && this.reads.held !== null;
  }

  /** The response being written is the last one of this connection. */
  get mustClose(): boolean {
    const { isLame, limits } = this.#parts.deps;
    return (
      this.#closing ||
      (this.#clientEnded && this.reads.held === null) ||
      this.#requests >= limits.requestsPerConnectionMax ||
      isLame()
    );
  }

  markClosing(): void {
    this.#closing = true;
  }

  /** More of the request body is to come than is worth reading for the sake of the connection. */
  leavesMuchUnread(): boolean {
    return this.exchange?.requestBody?.isMuchUnread(this.#parts.deps.limits.heldBodyBytesMax) ?? false;
  }

  /** The body may flow: what is held of it first. */
  readBody(): void {
    const body = this.exchange?.requestBody;
    if (body?.isChunked === false && body.remaining > this.#parts.deps.reads.shared.length)
      this.reads.keepBuffer();
    this.reads.takeHeld();
    if (this.reads.held === null) this.reads.resume();
  }

  /** Told by the exchange when its last byte was handed over, or the client or policy broke it off. */
  exchangeEnded(exchange: FastExchange, end: 'finished' | 'aborted'): void {
    if (this.exchange !== exchange) return;
    const body = exchange.requestBody;
    if (end === 'aborted' || this.#phase === 'closed') return;
    if (this.#closing) {
      this.closeSoon();
    } else if (body !== null && body.state !== 'complete') {
      this.#phase = 'discarding';
      this.#deadline.set(this.#now() + this.#parts.deps.limits.headTimeoutMs);
    } else {
      this.#awaitHead();
    }
    if (!this.#reader.isTaking) this.#goOn();
  }

  closeSoon(): void {
    if (this.#phase === 'ending' || this.#phase === 'closed') return;
    this.#phase = 'ending';
    this.reads.held = null;
    this.#deadline.clear();
    this.reads.resume();
    closeLingering(this.socket, this.#parts.deps.clock, this.#parts.deps.limits);
  }

  cut(): void {
    if (this.facts.tls || this.facts.isUnixSocket) this.socket.destroy();
    else this.socket.resetAndDestroy();
  }

  #now(): number {
    return this.#parts.deps.clock.now();
  }

  take(buffer: Buffer, start: number, end: number): void {
    this.#reader.take(buffer, start, end);
  }

  get expects(): 'head' | 'body' | 'nothing' {
    if (this.#phase === 'head') return 'head';
    return this.#phase === 'exchange' || this.#phase === 'discarding' ? 'body' : 'nothing';
  }

  get isDiscarding(): boolean {
    return this.#phase === 'discarding';
  }

  headReceived(buffer: Buffer): void {
    const exchange = new FastExchange(this, this.#parts, buffer);
    this.#requests += 1;
    this.exchange = exchange;
    this.#phase = 'exchange';
    this.#deadline.clear();
    this.#parts.deps.run(exchange);
  }

  headBegan(): void {
    this.#deadline.set(this.#now() + this.#parts.deps.limits.headTimeoutMs);
  }

  headNotCanonical(unread: Buffer): void {
    this.#phase = 'handedOver';
    this.#deadline.end();
    const { socket } = this;
    socket.off('drain', this.#onDrain);
    socket.off('end', this.#onEnd);
    socket.off('close', this.#onClose);
    this.reads.release(unread);
    this.#events.handedOver(this);
  }

  bodyMalformed(exchange: FastExchange): void {
    this.#closing = true;
    // Answered already: that answer stands.
    if (this.#phase === 'discarding' || exchange.isAnswered) this.closeSoon();
    else exchange.watcher?.bodyMalformed('chunked body');
  }

  bodyCompleted(): void {
    if (this.#phase === 'discarding') this.#awaitHead();
  }

  #awaitHead(): void {
    this.#phase = 'head';
    this.exchange = null;
    this.#deadline.set(this.#now() + this.#parts.deps.limits.keepAliveTimeoutMs);
  }

  /** After an exchange: what was held meanwhile, then the client again. */
  #goOn(): void {
    this.reads.takeHeld();
    if (this.#phase === 'head' || this.#phase === 'discarding') {
      this.reads.resume();
      if (this.#clientEnded) this.closeSoon();
    }
  }

  refuse(kind: FailureKind, cause: string): void {
    this.socket.write(this.#events.refusal(this.facts, { kind, cause }), 'latin1');
    this.closeSoon();
  }

  #inputEnded(): void {
    this.#clientEnded = true;
    if (this.#phase === 'ending') return;
    if (this.#phase !== 'exchange') {
      this.closeSoon();
      return;
    }
    const body = this.exchange?.requestBody ?? null;
    if (body !== null && body.state !== 'complete' && this.reads.held === null) this.cut();
    else this.#watchHalfClosed();
  }

  /** RFC 9112 §9.6: its request is complete, so it may want the answer; or it is gone. */
  #watchHalfClosed(): void {
    this.#bytesAtLook = this.socket.bytesWritten;
    this.#deadline.set(this.#now() + this.#parts.deps.limits.halfClosedMs);
  }

  #expired(): void {
    switch (this.#phase) {
      case 'head':
        if (this.reads.held === null) this.closeSoon();
        else this.refuse('headTimedOut', 'head did not end in time');
        return;
      case 'discarding':
        this.closeSoon();
        return;
      case 'exchange':
        if (this.socket.bytesWritten > this.#bytesAtLook) this.#watchHalfClosed();
        else this.cut();
        return;
      default:
    }
  }

  #closed(): void {
    this.#phase = 'closed';
    this.reads.held = null;
    this.#deadline.end();
    const exchange = this.exchange;
    this.exchange = null;
    this.#events.closed(this);
    exchange?.close('aborted');
  }
}
