// Preparing a release, as procedures.
import type { ManagementService } from '../../management-service.ts';
import {
  preflightInput,
  prepareReleaseInput,
  releaseLogInput,
  releasesInput,
  runReleaseCommandInput,
} from '../../schemas/release.ts';
import { streamOf, type RouterBase } from '../router-base.ts';

export function releaseProcedures({ procedure }: RouterBase, service: ManagementService) {
  return {
    preflight: procedure.input(preflightInput).query((call) => service.preflight(call.input, call.ctx)),
    prepare_release: procedure
      .input(prepareReleaseInput)
      .mutation((call) => streamOf(() => service.prepareRelease(call.input, call.ctx))),
    run_release_command: procedure
      .input(runReleaseCommandInput)
      .mutation((call) => streamOf(() => service.runReleaseCommand(call.input, call.ctx))),
    releases: procedure.input(releasesInput).query((call) => service.releases(call.input, call.ctx)),
    release_log: procedure
      .input(releaseLogInput)
      .query((call) => streamOf(() => service.releaseLog(call.input, call.ctx))),
  };
}
