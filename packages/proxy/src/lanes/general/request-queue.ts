// The requests of one connection in the order in which they came, one at a time: pipelined ones may be begun side by
// side only where all are safe (RFC 9112 §9.3.2), and what follows a message that is refused was never understood.
import type { Socket } from 'node:net';

/** Pipelined: read, not yet begun. */
export interface WaitingRequest {
  readonly isBodyComplete: () => boolean;
  /** `fault`: why the parser could not read its body to the end. */
  readonly begin: (fault: string | null) => void;
}

export class RequestQueue {
  readonly #socket: Socket;
  readonly #waiting: WaitingRequest[] = [];
  /** What the parser could not read, after everything that waits. */
  #fault: string | null = null;
  #refuse: (() => void) | null = null;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0 && this.#refuse === null;
  }

  /** No more is read than came with it: what a client may have waiting is one read of its socket. */
  add(request: WaitingRequest): void {
    this.#waiting.push(request);
    this.#socket.pause();
  }

  /** The parser gave up: in the body of what came last, or in a head after it. */
  fail(fault: string, refuse: () => void): void {
    if (this.#fault !== null) return;
    this.#fault = fault;
    if (this.#waiting.at(-1)?.isBodyComplete() !== false) this.#refuse = refuse;
  }

  /** Begins what is next; false where nothing waits. */
  next(): boolean {
    const request = this.#waiting.shift();
    if (this.#waiting.length === 0) this.#socket.resume();
    if (request !== undefined) {
      request.begin(request.isBodyComplete() ? null : this.#fault);
      return true;
    }
    const refuse = this.#refuse;
    this.#refuse = null;
    refuse?.();
    return refuse !== null;
  }

  /** The connection ends: nothing of it reaches an app. */
  clear(): void {
    this.#waiting.length = 0;
    this.#refuse = null;
  }
}
