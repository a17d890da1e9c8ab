// The management API as a tRPC router over a ManagementService. Names on the wire are those of spec 40.
import { protocolLimits } from '../limits.ts';
import type { ManagementService } from '../management-service.ts';
import { createErrorDoor, type ToTakoError } from './error-door.ts';
import { lockProcedures } from './procedures/lock-procedures.ts';
import { operatorProcedures } from './procedures/operator-procedures.ts';
import { releaseProcedures } from './procedures/release-procedures.ts';
import { rolloutProcedures } from './procedures/rollout-procedures.ts';
import { statusProcedures } from './procedures/status-procedures.ts';
import { createRouterBase } from './router-base.ts';

export interface RouterOptions {
  /** Turns what a procedure threw into what crosses the wire. Default: INTERNAL incidents are reported to nobody. */
  readonly toTakoError?: ToTakoError;
  readonly pingIntervalMs?: number;
}

export function createRouter(service: ManagementService, options: RouterOptions = {}) {
  const base = createRouterBase({
    toTakoError: options.toTakoError ?? createErrorDoor(() => undefined),
    pingIntervalMs: options.pingIntervalMs ?? protocolLimits.pingIntervalMs,
  });
  return base.router({
    ...lockProcedures(base, service),
    ...releaseProcedures(base, service),
    ...rolloutProcedures(base, service),
    ...statusProcedures(base, service),
    ...operatorProcedures(base, service),
  });
}

export type ManagementRouter = ReturnType<typeof createRouter>;
