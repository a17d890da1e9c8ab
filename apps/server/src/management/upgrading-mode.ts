// Upgrading mode: one owner at a time, durable, expiring. While it lasts changes are refused; reads, traffic and
// challenges go on (spec 40).
import { TakoError } from '@tako/config';
import type { UpgradingLease } from '@tako/protocol';
import type { LeaseRepository } from '@tako/store';
import { upgradingTtlMs } from '../limits.ts';

const leaseName = 'upgrading';

export class UpgradingMode {
  readonly #leases: LeaseRepository;
  readonly #now: () => number;

  constructor(leases: LeaseRepository, now: () => number = Date.now) {
    this.#leases = leases;
    this.#now = now;
  }

  get active(): boolean {
    return this.#leases.get(leaseName, this.#now()) !== undefined;
  }

  /** Takes it, or renews it for the same owner. Throws UPGRADING_LEASE_HELD with the owner. */
  enter(owner: string): UpgradingLease {
    const now = this.#now();
    const expiresAt = now + upgradingTtlMs;
    const lease = { name: leaseName, token: owner, owner: { owner }, acquiredAt: now, expiresAt };
    const outcome = this.#leases.acquire(lease, now);
    if (outcome.kind === 'acquired') return { owner, expiresAt };
    throw new TakoError('UPGRADING_LEASE_HELD', `${outcome.by.token} is upgrading this server`, {
      hint: `wait for it, or until ${new Date(outcome.by.expiresAt).toISOString()}, when its lease ends by itself`,
      details: { owner: outcome.by.token, expiresAt: outcome.by.expiresAt },
    });
  }

  /** Idempotent for the owner and for nobody's lease. Throws UPGRADING_LEASE_HELD for another's. */
  exit(owner: string): void {
    const held = this.#leases.get(leaseName, this.#now());
    if (held === undefined || this.#leases.release(leaseName, owner)) return;
    throw new TakoError('UPGRADING_LEASE_HELD', `${held.token} is upgrading this server, not ${owner}`, {
      hint: 'only the owner ends it; otherwise it expires by itself',
      details: { owner: held.token, expiresAt: held.expiresAt },
    });
  }

  /** For the guard of changes. */
  refusal(): TakoError | null {
    const held = this.#leases.get(leaseName, this.#now());
    if (held === undefined) return null;
    return new TakoError(
      'SERVER_UPGRADING',
      `the server is being upgraded by ${held.token} and takes no changes`,
      {
        hint: `try again when it has finished; its lease ends by itself at ${new Date(held.expiresAt).toISOString()}`,
        details: { owner: held.token, expiresAt: held.expiresAt },
      },
    );
  }
}
