// The management service: the groups of procedures put together. Nothing is decided here.
import type { ManagementService } from '@tako/protocol';
import { operationProcedures } from './operation-procedures.ts';
import type { OperationProcedureDeps } from './operation-procedures.ts';
import { queryProcedures } from './query-procedures.ts';
import type { QueryProcedureDeps } from './query-procedures.ts';
import { releaseProcedures } from './release-procedures.ts';
import type { ReleaseProcedureDeps } from './release-procedures.ts';
import { rolloutProcedures } from './rollout-procedures.ts';
import type { RolloutProcedureDeps } from './rollout-procedures.ts';

export type ServiceDeps = OperationProcedureDeps &
  QueryProcedureDeps &
  ReleaseProcedureDeps &
  RolloutProcedureDeps;

type Certificates = OperationProcedureDeps['certificates'] & QueryProcedureDeps['certificates'];

export function createManagementService(
  deps: Omit<ServiceDeps, 'certificates'> & { readonly certificates: Certificates },
): ManagementService {
  return {
    ...queryProcedures(deps),
    ...releaseProcedures(deps),
    ...rolloutProcedures(deps),
    ...operationProcedures(deps),
  };
}
