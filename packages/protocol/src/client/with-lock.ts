// Work under a deployment's lock: acquired before, renewed every third of its time, released after, whatever happens.
// When the lock is lost the work's signal aborts. Knows no procedure but the lock's.
import { setTimeout as delay } from 'node:timers/promises';
import { TakoError, isTakoError } from '@tako/config/tako-error';
import { clientLimits } from '../limits.ts';
import { linkAbort } from '../linked-abort.ts';
import type { Lock, LockHolder } from '../schemas/lock.ts';
import type { ManagementClient } from './client.types.ts';

export interface LockOptions {
  readonly deploymentId: string;
  /** Shown to whoever finds the deployment locked. */
  readonly holder: LockHolder;
  /** Ends the waiting, and the work through its signal. */
  readonly signal?: AbortSignal;
  /** How long to wait for a lock that somebody else holds, in ms. Default 0: DEPLOYMENT_LOCKED at once. */
  readonly waitMs?: number;
  /** Told at each try that found the deployment locked; the error names the holder. */
  readonly onWaiting?: (locked: TakoError) => void;
}

export interface HeldLock {
  readonly token: string;
  /** Aborts with LOCK_LOST when the lock is no longer ours, or with the reason of the options' signal. */
  readonly signal: AbortSignal;
}

type LockClient = Pick<ManagementClient, 'api'>;

/** Errors: DEPLOYMENT_LOCKED, whatever `work` rejects with, and those of a call. */
export async function withLock<T>(
  client: LockClient,
  options: LockOptions,
  work: (lock: HeldLock) => Promise<T>,
): Promise<T> {
  const lock = await acquire(client, options);
  const over = new AbortController();
  using life = linkAbort([options.signal]);
  const renewing = renew(client, { ...options, lock, over: over.signal, onLost: life.abort });
  try {
    return await work({ token: lock.token, signal: life.signal });
  } finally {
    over.abort();
    await renewing;
    await release(client, { deploymentId: options.deploymentId, token: lock.token });
  }
}

async function acquire(client: LockClient, options: LockOptions): Promise<Lock> {
  const { deploymentId, holder, signal, waitMs = 0 } = options;
  const giveUpAt = Date.now() + waitMs;
  const call = signal === undefined ? {} : { signal };
  while (true) {
    try {
      // Without the signal: a call given up half-way may have locked already, under a token that nobody knows.
      return await client.api.acquire_lock.mutate({ deploymentId, holder });
    } catch (cause) {
      const leftMs = giveUpAt - Date.now();
      if (!isTakoError(cause) || cause.code !== 'DEPLOYMENT_LOCKED' || leftMs <= 0) throw cause;
      options.onWaiting?.(cause);
      await delay(Math.min(leftMs, clientLimits.lockRetryMs), undefined, call);
    }
  }
}

interface Renewal {
  readonly deploymentId: string;
  readonly lock: Lock;
  readonly over: AbortSignal;
  readonly onLost: (error: TakoError) => void;
}

/**
 * A refusal loses the lock at once. A server that cannot be asked is asked again and again, sooner each time; the lock
 * counts as lost a little before its time is up, so that the work stops before somebody else can begin. Never rejects.
 */
async function renew(client: LockClient, { deploymentId, lock, over, onLost }: Renewal): Promise<void> {
  const input = { deploymentId, token: lock.token };
  // By our own clock, from before the answer: the server's may differ, and its time has begun by now.
  let heldUntil = Date.now() + lock.ttlMs;
  let pauseMs = lock.ttlMs / 3;
  while (await pause(pauseMs, over)) {
    const askedAt = Date.now();
    try {
      await client.api.renew_lock.mutate(input, {
        signal: over,
        answerTimeoutMs: Math.max(1, heldUntil - askedAt),
      });
      heldUntil = askedAt + lock.ttlMs;
      pauseMs = lock.ttlMs / 3;
    } catch (cause) {
      if (over.aborted) return;
      const refused = isTakoError(cause) && (cause.code === 'LOCK_LOST' || cause.code === 'APP_NOT_FOUND');
      const leftMs = heldUntil - Date.now();
      pauseMs = leftMs / 3;
      if (!refused && leftMs > lock.ttlMs / 10) continue;
      onLost(lockLost(deploymentId, cause));
      return;
    }
  }
}

function lockLost(deploymentId: string, cause: unknown): TakoError {
  return new TakoError('LOCK_LOST', `the lock of ${deploymentId} was lost while the work went on`, {
    hint: 'Look at tako status for what was done; somebody may have run tako unlock.',
    details: { deploymentId },
    cause,
  });
}

/** False when it was ended. */
async function pause(ms: number, over: AbortSignal): Promise<boolean> {
  return await delay(ms, true, { signal: over }).catch(() => false);
}

/** A lock that cannot be released expires by itself; the outcome of the work matters more. */
async function release(client: LockClient, input: { deploymentId: string; token: string }): Promise<void> {
  await client.api.release_lock
    .mutate(input, { answerTimeoutMs: clientLimits.lockReleaseTimeoutMs })
    .catch(() => undefined);
}
