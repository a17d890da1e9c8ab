// The one writer of the snapshot: applies changes, numbers them, sends deltas, and knows when every living
// worker has acknowledged a version. It decides nothing about what is in it.
import { randomBytes } from 'node:crypto';
import type {
  AlpnChallengeView,
  CertificateView,
  ChallengeView,
  ControlMessage,
  Delta,
  DeploymentView,
  Snapshot,
} from '@tako/proxy';
import { snapshotAckTimeoutMs } from '../limits.ts';

/** 48 octets, as Node's `ticketKeys` wants them (tls.Server). */
function newTicketKeys(): string {
  return randomBytes(48).toString('base64');
}

export interface SnapshotSink {
  send(message: ControlMessage): void;
  sendTo(id: number, message: ControlMessage): void;
  /** Ids of the living planes. */
  living(): readonly number[];
  kill(id: number, reason: string): void;
}

interface Waiter {
  readonly version: number;
  readonly resolve: () => void;
  readonly timer: NodeJS.Timeout;
}

export class SnapshotPublisher {
  readonly #sink: SnapshotSink;
  /** Above that of any earlier daemon on this machine, so that a worker never takes an old number for a newer one. */
  #version = Date.now();
  readonly #deployments = new Map<string, DeploymentView>();
  #certificates: readonly CertificateView[] = [];
  #challenges: readonly ChallengeView[] = [];
  #alpnChallenges: readonly AlpnChallengeView[] = [];
  /** Of TLS session tickets, equal in all workers; in memory only. */
  #ticketKeys = newTicketKeys();
  #previousTicketKeys: string | null = null;
  readonly #acknowledged = new Map<number, number>();
  readonly #waiters = new Set<Waiter>();

  constructor(sink: SnapshotSink) {
    this.#sink = sink;
  }

  get version(): number {
    return this.#version;
  }

  get snapshot(): Snapshot {
    return {
      version: this.#version,
      deployments: [...this.#deployments.values()],
      certificates: this.#certificates,
      challenges: this.#challenges,
      alpnChallenges: this.#alpnChallenges,
      ...this.#allTicketKeys,
    };
  }

  acknowledgedBy(id: number): number {
    return this.#acknowledged.get(id) ?? 0;
  }

  /** Replaces deployments as one change; `removed` leave. */
  publish(views: readonly DeploymentView[], removed: readonly string[] = []): number {
    for (const view of views) this.#deployments.set(view.id, view);
    for (const id of removed) this.#deployments.delete(id);
    return this.#sendDelta({ deployments: views, removed });
  }

  publishCertificates(certificates: readonly CertificateView[]): number {
    this.#certificates = certificates;
    return this.#sendDelta({ deployments: [], removed: [], certificates });
  }

  publishChallenges(challenges: readonly ChallengeView[]): number {
    this.#challenges = challenges;
    return this.#sendDelta({ deployments: [], removed: [], challenges });
  }

  publishAlpnChallenges(alpnChallenges: readonly AlpnChallengeView[]): number {
    this.#alpnChallenges = alpnChallenges;
    return this.#sendDelta({ deployments: [], removed: [], alpnChallenges });
  }

  /** Tickets of the keys before are still taken, until `forgetTicketKeys`. */
  rotateTicketKeys(): number {
    this.#previousTicketKeys = this.#ticketKeys;
    this.#ticketKeys = newTicketKeys();
    return this.#sendDelta({ deployments: [], removed: [], ...this.#allTicketKeys });
  }

  /** From now on tickets of the keys before lead to a whole handshake, no more. */
  forgetTicketKeys(): number {
    this.#previousTicketKeys = null;
    return this.#sendDelta({ deployments: [], removed: [], ...this.#allTicketKeys });
  }

  get #allTicketKeys(): Pick<Delta, 'ticketKeys' | 'previousTicketKeys'> {
    const previous = this.#previousTicketKeys;
    return { ticketKeys: this.#ticketKeys, ...(previous === null ? {} : { previousTicketKeys: previous }) };
  }

  #sendDelta(change: Omit<Delta, 'base' | 'version'>): number {
    const base = this.#version;
    this.#version += 1;
    this.#sink.send({ type: 'delta', delta: { base, version: this.#version, ...change } });
    return this.#version;
  }

  acknowledge(id: number, version: number): void {
    this.#acknowledged.set(id, version);
    this.#settle();
  }

  resync(id: number): void {
    this.#sink.sendTo(id, { type: 'snapshot', snapshot: this.snapshot });
  }

  /** A plane left: nobody waits for it any more. */
  forget(id: number): void {
    this.#acknowledged.delete(id);
    this.#settle();
  }

  /**
   * Resolves when every living plane has `version` or a later one. A plane that stays silent past the limit is
   * killed: it would go on sending requests to instances that are about to stop.
   */
  acknowledged(version: number): Promise<void> {
    if (this.#behind(version).length === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const waiter: Waiter = {
        version,
        resolve,
        timer: setTimeout(() => {
          for (const id of this.#behind(version))
            this.#sink.kill(id, `did not acknowledge snapshot ${version}`);
        }, snapshotAckTimeoutMs),
      };
      this.#waiters.add(waiter);
    });
  }

  #behind(version: number): number[] {
    return this.#sink.living().filter((id) => (this.#acknowledged.get(id) ?? 0) < version);
  }

  #settle(): void {
    for (const waiter of this.#waiters) {
      if (this.#behind(waiter.version).length > 0) continue;
      clearTimeout(waiter.timer);
      this.#waiters.delete(waiter);
      waiter.resolve();
    }
  }
}
