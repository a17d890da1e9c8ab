// How many TLS handshakes are under way at a time: each costs a signature, and a flood of them would starve what is
// served already. The surplus waits unread, in a bounded queue, for a bounded time.
import type { Socket } from 'node:net';
import { connectionKey } from '../listeners/connection-key.ts';
import type { Clock } from '../timing/clock.ts';

export interface HandshakeQueueOptions {
  readonly clock: Clock;
  readonly handshakesMax: number;
  readonly queuedMax: number;
  readonly queuedTimeoutMs: number;
  readonly begin: (socket: Socket) => void;
}

export class HandshakeQueue {
  readonly #options: HandshakeQueueOptions;
  /** By address pair, which a raw socket and the TLS socket made of it share. */
  readonly #underWay = new Set<string>();
  readonly #queued = new Map<Socket, () => void>();

  constructor(options: HandshakeQueueOptions) {
    this.#options = options;
  }

  get counts(): { readonly underWay: number; readonly queued: number } {
    return { underWay: this.#underWay.size, queued: this.#queued.size };
  }

  /** Begins the handshake, queues it, or ends the connection. The socket must be paused. */
  admit(socket: Socket): void {
    const { clock, handshakesMax, queuedMax, queuedTimeoutMs } = this.#options;
    if (this.#underWay.size < handshakesMax) {
      this.#begin(socket);
    } else if (this.#queued.size < queuedMax) {
      this.#queued.set(
        socket,
        clock.after(queuedTimeoutMs, () => socket.destroy()),
      );
      socket.once('close', () => this.#unqueue(socket));
    } else {
      socket.destroy();
    }
  }

  /** The handshake of this connection is over, well or ill. Idempotent. */
  ended(key: string): void {
    if (!this.#underWay.delete(key)) return;
    const [next] = this.#queued.keys();
    if (next === undefined) return;
    this.#unqueue(next);
    this.#begin(next);
  }

  #begin(socket: Socket): void {
    const key = connectionKey(socket);
    this.#underWay.add(key);
    socket.once('close', () => this.ended(key));
    this.#options.begin(socket);
  }

  #unqueue(socket: Socket): void {
    this.#queued.get(socket)?.();
    this.#queued.delete(socket);
  }
}
