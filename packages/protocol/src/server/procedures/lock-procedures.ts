// The deployment lock as procedures.
import type { ManagementService } from '../../management-service.ts';
import { acquireLockInput, releaseLockInput, renewLockInput, unlockInput } from '../../schemas/lock.ts';
import type { RouterBase } from '../router-base.ts';

export function lockProcedures({ procedure }: RouterBase, service: ManagementService) {
  return {
    acquire_lock: procedure
      .input(acquireLockInput)
      .mutation((call) => service.acquireLock(call.input, call.ctx)),
    renew_lock: procedure.input(renewLockInput).mutation((call) => service.renewLock(call.input, call.ctx)),
    release_lock: procedure
      .input(releaseLockInput)
      .mutation((call) => service.releaseLock(call.input, call.ctx)),
    unlock: procedure.input(unlockInput).mutation((call) => service.unlock(call.input, call.ctx)),
  };
}
