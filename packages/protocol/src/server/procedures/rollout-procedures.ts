// Everything that swaps instances, as procedures that stream the rollout's events.
import type { ManagementService } from '../../management-service.ts';
import { deploymentInput } from '../../schemas/common.ts';
import {
  deleteInput,
  deployInput,
  restartInput,
  revertRolloutInput,
  rollbackInput,
  rolloutInput,
  scaleInput,
  startInput,
  stopInput,
  updateSecretsInput,
} from '../../schemas/rollout.ts';
import { streamOf, type RouterBase } from '../router-base.ts';

export function rolloutProcedures({ procedure }: RouterBase, service: ManagementService) {
  return {
    deploy: procedure
      .input(deployInput)
      .mutation((call) => streamOf(() => service.deploy(call.input, call.ctx))),
    rollout: procedure
      .input(rolloutInput)
      .query((call) => streamOf(() => service.rollout(call.input, call.ctx))),
    revert_rollout: procedure
      .input(revertRolloutInput)
      .mutation((call) => service.revertRollout(call.input, call.ctx)),
    rollback: procedure
      .input(rollbackInput)
      .mutation((call) => streamOf(() => service.rollback(call.input, call.ctx))),
    scale: procedure
      .input(scaleInput)
      .mutation((call) => streamOf(() => service.scale(call.input, call.ctx))),
    restart: procedure
      .input(restartInput)
      .mutation((call) => streamOf(() => service.restart(call.input, call.ctx))),
    stop: procedure.input(stopInput).mutation((call) => streamOf(() => service.stop(call.input, call.ctx))),
    start: procedure
      .input(startInput)
      .mutation((call) => streamOf(() => service.start(call.input, call.ctx))),
    delete: procedure
      .input(deleteInput)
      .mutation((call) => streamOf(() => service.delete(call.input, call.ctx))),
    update_secrets: procedure
      .input(updateSecretsInput)
      .mutation((call) => streamOf(() => service.updateSecrets(call.input, call.ctx))),
    secrets_digest: procedure
      .input(deploymentInput)
      .query((call) => service.secretsDigest(call.input, call.ctx)),
  };
}
