// The lock of a deployment: one holder, a durable lease that expires unless it is renewed (spec 30, step 3).
import { randomBytes } from 'node:crypto';
import { TakoError } from '@tako/config';
import { type Lock, type LockHolder, type Unlocked, lockHolderSchema } from '@tako/protocol';
import type { LeaseRecord, Store } from '@tako/store';
import type { Log } from '../log.ts';
import { lockTtlMs } from './limits.ts';
import { LockFile } from './lock-file.ts';

export interface DeploymentLocksDeps {
  readonly store: Pick<Store, 'leases'>;
  readonly dataDir: string;
  readonly nowMs: () => number;
  readonly log: Log;
}

export interface HeldLock {
  readonly holder: LockHolder;
  readonly acquiredAt: number;
  readonly expiresAt: number;
}

const leaseName = (deploymentId: string): string => `deployment:${deploymentId}`;

function heldLock(lease: LeaseRecord): HeldLock {
  const parsed = lockHolderSchema.safeParse(lease.owner);
  const holder = parsed.success
    ? parsed.data
    : { user: 'unknown', host: 'unknown', pid: 0, command: 'unknown' };
  return { holder, acquiredAt: lease.acquiredAt, expiresAt: lease.expiresAt };
}

export class DeploymentLocks implements Disposable {
  readonly #leases: Store['leases'];
  readonly #nowMs: () => number;
  readonly #file: LockFile;
  /** Of those that may expire unreleased, by deployment: then their files go. */
  readonly #expiries = new Map<string, NodeJS.Timeout>();

  constructor({ store, dataDir, nowMs, log }: DeploymentLocksDeps) {
    this.#leases = store.leases;
    this.#nowMs = nowMs;
    this.#file = new LockFile(dataDir, log);
  }

  /** Throws DEPLOYMENT_LOCKED, with the holder in its details. */
  async acquire(deploymentId: string, holder: LockHolder): Promise<Lock> {
    const now = this.#nowMs();
    const token = randomBytes(24).toString('base64url');
    const lease = {
      name: leaseName(deploymentId),
      token,
      owner: { ...holder },
      acquiredAt: now,
      expiresAt: now + lockTtlMs,
    };
    const outcome = this.#leases.acquire(lease, now);
    if (outcome.kind === 'held') throw lockedBy(deploymentId, heldLock(outcome.by), now);
    await this.#file.show(deploymentId, holder, now);
    this.#watchExpiry(deploymentId, lease.expiresAt);
    return { token, expiresAt: lease.expiresAt, ttlMs: lockTtlMs };
  }

  /** Throws LOCK_LOST when the token no longer holds it. */
  renew(deploymentId: string, token: string): Lock {
    const now = this.#nowMs();
    const expiresAt = now + lockTtlMs;
    if (!this.#leases.renew(leaseName(deploymentId), token, expiresAt, now)) throw this.#lost(deploymentId);
    this.#watchExpiry(deploymentId, expiresAt);
    return { token, expiresAt, ttlMs: lockTtlMs };
  }

  /** Nothing happens when the token does not hold it: it may have expired, which is what was wanted. */
  async release(deploymentId: string, token: string): Promise<void> {
    if (!this.#leases.release(leaseName(deploymentId), token)) return;
    this.#forgetExpiry(deploymentId);
    await this.#file.hide(deploymentId);
  }

  /** By force, whoever holds it. */
  async unlock(deploymentId: string): Promise<Unlocked> {
    const lease = this.#leases.force(leaseName(deploymentId));
    this.#forgetExpiry(deploymentId);
    await this.#file.hide(deploymentId);
    if (lease === undefined || lease.expiresAt <= this.#nowMs()) return { previous: null };
    const { holder, acquiredAt } = heldLock(lease);
    return { previous: { ...holder, acquiredAt } };
  }

  /** Every mutation begins with it. Throws DEPLOYMENT_LOCKED when somebody else holds it now, else LOCK_LOST. */
  assertHeld(deploymentId: string, token: string): void {
    const now = this.#nowMs();
    const lease = this.#leases.get(leaseName(deploymentId), now);
    if (lease?.token === token) return;
    throw lease === undefined ? this.#lost(deploymentId) : lockedBy(deploymentId, heldLock(lease), now);
  }

  holder(deploymentId: string): HeldLock | null {
    const lease = this.#leases.get(leaseName(deploymentId), this.#nowMs());
    return lease === undefined ? null : heldLock(lease);
  }

  /** At boot: files of locks that expired while no daemon ran, now, and of those that still hold, in time. */
  async sweep(deploymentIds: readonly string[]): Promise<void> {
    for (const id of deploymentIds) {
      const held = this.holder(id);
      if (held === null) await this.#file.hide(id);
      else this.#watchExpiry(id, held.expiresAt);
    }
  }

  /** A holder that was killed releases nothing; its file would name it for ever. */
  #watchExpiry(deploymentId: string, expiresAt: number): void {
    clearTimeout(this.#expiries.get(deploymentId));
    const timer = setTimeout(
      () => {
        this.#expiries.delete(deploymentId);
        if (this.holder(deploymentId) === null) void this.#file.hide(deploymentId);
      },
      Math.max(0, expiresAt - this.#nowMs()),
    );
    this.#expiries.set(deploymentId, timer.unref());
  }

  #forgetExpiry(deploymentId: string): void {
    clearTimeout(this.#expiries.get(deploymentId));
    this.#expiries.delete(deploymentId);
  }

  /** Before the store closes. */
  [Symbol.dispose](): void {
    for (const timer of this.#expiries.values()) clearTimeout(timer);
    this.#expiries.clear();
  }

  #lost(deploymentId: string): TakoError {
    return new TakoError(
      'LOCK_LOST',
      `The lock of ${deploymentId} is no longer held: it expired or was taken away.`,
      {
        hint: 'Nothing was changed by this call. Deploy again.',
        details: { deploymentId },
      },
    );
  }
}

function lockedBy(deploymentId: string, { holder, acquiredAt, expiresAt }: HeldLock, now: number): TakoError {
  const seconds = Math.round((now - acquiredAt) / 1000);
  return new TakoError(
    'DEPLOYMENT_LOCKED',
    `${deploymentId} is locked by ${holder.user}@${holder.host} (\`${holder.command}\`, pid ${holder.pid}) for ${seconds} s.`,
    {
      hint: 'Wait for it (`--wait-lock`); if nobody is at work there, `tako unlock` takes it away.',
      details: { deploymentId, holder: { ...holder }, acquiredAt, expiresAt },
    },
  );
}
