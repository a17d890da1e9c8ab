// Chooses loopback ports for apps that are told where to listen. A released port rests, until time has passed *and*
// its owner says that nobody can send to it any more: else a late request would reach another app.
import { TakoError } from '@tako/config';
import { createServer } from 'node:net';
import { limits } from './limits.ts';

export interface PortAllocatorOptions {
  /** `--instance-port-base` plus `--instance-port-offset`. */
  readonly firstPort: number;
  /** ms, monotonic; only tests give another. */
  readonly now?: () => number;
}

interface RestingPort {
  readonly releasedAt: number;
  readonly forgotten: boolean;
}

/** Binds it for a moment: the kernel knows best (other programs, other daemons). Loopback only, so nobody gets in. */
function isFree(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error) => {
      // Without IPv6 there is nobody on ::1.
      resolve('code' in error && error.code === 'EADDRNOTAVAIL');
    });
    server.listen({ port, host, exclusive: true }, () => {
      server.close(() => resolve(true));
    });
  });
}

export class PortAllocator {
  readonly #firstPort: number;
  readonly #lastPort: number;
  readonly #now: () => number;
  readonly #used = new Set<number>();
  readonly #resting = new Map<number, RestingPort>();

  constructor({ firstPort, now = () => performance.now() }: PortAllocatorOptions) {
    this.#firstPort = firstPort;
    this.#lastPort = Math.min(65_535, firstPort + limits.portsMax - 1);
    this.#now = now;
  }

  /** The lowest port that is free, not resting and not taken by anybody. Throws PORTS_EXHAUSTED. */
  async reserve(): Promise<number> {
    for (let port = this.#firstPort; port <= this.#lastPort; port += 1) {
      if (this.#used.has(port) || this.#rests(port)) continue;
      // Taken before the wait, so that two reservations at once never get the same.
      this.#used.add(port);
      if ((await isFree(port, '127.0.0.1')) && (await isFree(port, '::1'))) return port;
      this.#used.delete(port);
    }
    throw new TakoError(
      'PORTS_EXHAUSTED',
      `no port from ${this.#firstPort} to ${this.#lastPort} is free for an instance`,
      {
        hint: 'Wait a minute (released ports rest for 60 s), or start the server with another --instance-port-base.',
        details: {
          firstPort: this.#firstPort,
          lastPort: this.#lastPort,
          used: this.#used.size,
          resting: this.#resting.size,
        },
      },
    );
  }

  /** An adopted instance listens there. */
  occupy(port: number): void {
    this.#resting.delete(port);
    this.#used.add(port);
  }

  /** The instance is gone; the port begins to rest. */
  release(port: number): void {
    if (!this.#used.delete(port)) return;
    this.#resting.set(port, { releasedAt: this.#now(), forgotten: false });
  }

  /** Every worker acknowledged a snapshot without it. */
  confirmForgotten(port: number): void {
    const resting = this.#resting.get(port);
    if (resting !== undefined) this.#resting.set(port, { ...resting, forgotten: true });
  }

  #rests(port: number): boolean {
    const resting = this.#resting.get(port);
    if (resting === undefined) return false;
    if (!resting.forgotten || this.#now() - resting.releasedAt < limits.portRestMs) return true;
    this.#resting.delete(port);
    return false;
  }
}
