// The locks of the in-memory service: tokens that hold a deployment until they are released.
import { randomUUID } from 'node:crypto';
import { TakoError } from '@tako/config';
import type { ManagementService } from '../management-service.ts';
import type { Lock, LockHolder } from '../schemas/lock.ts';

type LockProcedures = Pick<ManagementService, 'acquireLock' | 'renewLock' | 'releaseLock' | 'unlock'>;

export interface MemoryLocks {
  readonly procedures: LockProcedures;
  readonly assertHeld: (input: { readonly deploymentId: string; readonly token: string }) => void;
}

export function createMemoryLocks(ttlMs: number): MemoryLocks {
  const locks = new Map<string, { token: string; holder: LockHolder; acquiredAt: number }>();
  const lockOf = (token: string): Lock => ({ token, ttlMs, expiresAt: Date.now() + ttlMs });

  const assertHeld: MemoryLocks['assertHeld'] = ({ deploymentId, token }) => {
    if (locks.get(deploymentId)?.token === token) return;
    throw new TakoError('LOCK_LOST', `the token does not hold ${deploymentId}`, {
      details: { deploymentId },
    });
  };

  const procedures: LockProcedures = {
    async acquireLock({ deploymentId, holder }) {
      const held = locks.get(deploymentId);
      if (held !== undefined) {
        const { user, host } = held.holder;
        throw new TakoError('DEPLOYMENT_LOCKED', `${deploymentId} is locked by ${user}@${host}`, {
          hint: 'Wait, or tako unlock.',
          details: { holder: held.holder },
        });
      }
      const token = randomUUID();
      locks.set(deploymentId, { token, holder, acquiredAt: Date.now() });
      return lockOf(token);
    },
    async renewLock(input) {
      assertHeld(input);
      return lockOf(input.token);
    },
    async releaseLock(input) {
      assertHeld(input);
      locks.delete(input.deploymentId);
    },
    async unlock({ deploymentId }) {
      const held = locks.get(deploymentId);
      locks.delete(deploymentId);
      return { previous: held === undefined ? null : { ...held.holder, acquiredAt: held.acquiredAt } };
    },
  };
  return { procedures, assertHeld };
}
