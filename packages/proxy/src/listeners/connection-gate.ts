// How many connections are served at a time. The surplus is parked unread (`maxConnections` of Node would reset it),
// in a bounded queue, for a bounded time, and refused after that.
import type { Socket } from 'node:net';
import type { Clock } from '../timing/clock.ts';

export interface ConnectionGateOptions {
  readonly clock: Clock;
  readonly connectionsMax: number;
  readonly parkedMax: number;
  readonly parkedTimeoutMs: number;
  /** The counts are no longer what they were. */
  readonly changed: () => void;
}

export interface Admission {
  /** A place is free: read from it now. */
  readonly serve: (socket: Socket) => void;
  /** No place, no waiting: say so and end it. */
  readonly refuse: (socket: Socket) => void;
}

interface Parked {
  readonly socket: Socket;
  readonly admission: Admission;
  readonly cancel: () => void;
}

export class ConnectionGate {
  readonly #options: ConnectionGateOptions;
  readonly #open = new Set<Socket>();
  readonly #parked = new Map<Socket, Parked>();
  #accepted = 0;
  #refused = 0;

  constructor(options: ConnectionGateOptions) {
    this.#options = options;
  }

  get counts(): {
    readonly open: number;
    readonly parked: number;
    readonly accepted: number;
    readonly refused: number;
  } {
    return {
      open: this.#open.size,
      parked: this.#parked.size,
      accepted: this.#accepted,
      refused: this.#refused,
    };
  }

  /** The socket must be paused, and gets an error listener for all its life. */
  admit(socket: Socket, admission: Admission): void {
    this.#accepted += 1;
    this.#options.changed();
    // A peer may vanish in any state; whoever owns the socket then hears 'close'.
    socket.on('error', () => undefined);
    if (this.#open.size < this.#options.connectionsMax) {
      this.#serve(socket, admission);
    } else if (this.#parked.size < this.#options.parkedMax) {
      this.#park(socket, admission);
    } else {
      this.#refuse(socket, admission);
    }
  }

  /** Cuts what is open and what waits. */
  close(): void {
    for (const { socket, cancel } of this.#parked.values()) {
      cancel();
      socket.destroy();
    }
    this.#parked.clear();
    for (const socket of this.#open) socket.destroy();
  }

  #serve(socket: Socket, admission: Admission): void {
    this.#open.add(socket);
    socket.once('close', () => {
      this.#open.delete(socket);
      this.#options.changed();
      this.#serveNext();
    });
    admission.serve(socket);
  }

  #park(socket: Socket, admission: Admission): void {
    const cancel = this.#options.clock.after(this.#options.parkedTimeoutMs, () => {
      if (this.#parked.delete(socket)) this.#refuse(socket, admission);
    });
    this.#parked.set(socket, { socket, admission, cancel });
    socket.once('close', () => {
      cancel();
      this.#parked.delete(socket);
    });
  }

  #serveNext(): void {
    if (this.#open.size >= this.#options.connectionsMax) return;
    for (const [socket, parked] of this.#parked) {
      this.#parked.delete(socket);
      parked.cancel();
      if (socket.destroyed) continue;
      this.#serve(socket, parked.admission);
      return;
    }
  }

  #refuse(socket: Socket, admission: Admission): void {
    this.#refused += 1;
    this.#options.changed();
    admission.refuse(socket);
  }
}
