// Makes what the passes work with, and ties the serving state to those whom its changes concern: waiters and idle
// upstream connections.
import { createAccessLog } from '../access-log/access-log.ts';
import { WaitingClock } from '../balancing/waiting-clock.ts';
import type { CreateDataPlaneInput } from '../data-plane.types.ts';
import { RequestIds } from '../headers/request-id.ts';
import { OwnVia } from '../headers/forwarding-edits.ts';
import { TrustedPeers } from '../headers/address.ts';
import { ActivityLedger } from '../in-flight/activity-ledger.ts';
import { ClientSlots } from '../in-flight/client-slots.ts';
import { DrainRegister } from '../in-flight/drain-register.ts';
import { Roll } from '../in-flight/roll.ts';
import type { Limits } from '../limits.ts';
import type { Deployment } from '../serving/deployment.ts';
import { PlaneMetrics } from '../metrics/plane-metrics.ts';
import { ServingState } from '../serving/serving-state.ts';
import type { Clock } from '../timing/clock.ts';
import type { DeadlineWheel } from '../timing/deadline-wheel.ts';
import { createUpstreamClient } from '../upstream/index.ts';
import type { PipelineServices } from './services.ts';

export interface CreateServicesInput extends CreateDataPlaneInput {
  readonly clock: Clock;
  /** This worker's share. */
  readonly limits: Limits;
  readonly wheel: DeadlineWheel;
  readonly httpsPort: () => number | null;
}

/** Errors: INVALID_INPUT for a wrong trusted proxy. */
export function createServices(input: CreateServicesInput): PipelineServices {
  const { options, send, log, clock, limits, wheel, httpsPort } = input;
  const upstream = input.upstream ?? createUpstreamClient({ clock, wheel });
  const state = new ServingState({
    instanceClosed: (instance) => upstream.forget(instance.id),
    deploymentChanged: (deployment) => settleWaiting(deployment),
    deploymentRemoved: (deployment) => deployment.waiting.failAll('removed'),
    routeRefused: (deploymentId, route, error) =>
      log.error(
        { deploymentId, route, reason: error instanceof Error ? error.message : String(error) },
        'route left out',
      ),
  });
  return {
    state,
    keepers: {
      clients: new ClientSlots(),
      activity: new ActivityLedger({ clock, intervalMs: limits.activityIntervalMs, send }),
      drains: new DrainRegister({ clock, politeEndMs: limits.politeEndMs, send }),
    },
    waiting: new WaitingClock(clock),
    upstream,
    accessLog: createAccessLog({ to: options.accessLog, limits, clock, log }),
    metrics: new PlaneMetrics({ clock, intervalMs: limits.metricsIntervalMs, send }),
    trusted: new TrustedPeers(options.trustedProxies),
    limits,
    clock,
    workers: options.workers,
    requestIds: new RequestIds(limits.requestIdCharsMax),
    via: new OwnVia(options.serverName ?? 'tako'),
    httpsPort,
    send,
    requests: new Roll(),
  };
}

/** What the new state means for those who wait. */
function settleWaiting(deployment: Deployment): void {
  const { kind } = deployment.traffic;
  if (kind !== 'onDemand') deployment.wakeSaid = false;
  if (kind === 'stopped' || kind === 'maintenance') deployment.waiting.failAll(kind);
  else deployment.waiting.retryAll();
}
