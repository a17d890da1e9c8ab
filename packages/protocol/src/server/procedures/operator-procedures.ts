// Operators' switches as procedures: upgrading mode, challenges, pause, maintenance, cordon.
import { z } from 'zod';
import type { ManagementService } from '../../management-service.ts';
import {
  maintenanceInput,
  pauseInput,
  putChallengeInput,
  resumeInput,
  upgradingInput,
} from '../../schemas/operations.ts';
import type { RouterBase } from '../router-base.ts';

export function operatorProcedures({ procedure }: RouterBase, service: ManagementService) {
  const bare = procedure.input(z.undefined());
  return {
    enter_upgrading: procedure
      .input(upgradingInput)
      .mutation((call) => service.enterUpgrading(call.input, call.ctx)),
    exit_upgrading: procedure
      .input(upgradingInput)
      .mutation((call) => service.exitUpgrading(call.input, call.ctx)),
    put_challenge: procedure
      .input(putChallengeInput)
      .mutation((call) => service.putChallenge(call.input, call.ctx)),
    pause: procedure.input(pauseInput).mutation((call) => service.pause(call.input, call.ctx)),
    resume: procedure.input(resumeInput).mutation((call) => service.resume(call.input, call.ctx)),
    maintenance: procedure
      .input(maintenanceInput)
      .mutation((call) => service.maintenance(call.input, call.ctx)),
    cordon: bare.mutation((call) => service.cordon(undefined, call.ctx)),
    uncordon: bare.mutation((call) => service.uncordon(undefined, call.ctx)),
  };
}
