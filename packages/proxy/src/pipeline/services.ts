// What the passes work with: made once per data plane, the same for every lane and request.
import type { AccessLog } from '../access-log/access-log.ts';
import type { WaitingClock } from '../balancing/waiting-clock.ts';
import type { WorkerMessage } from '../control/messages.ts';
import type { RequestIds } from '../headers/request-id.ts';
import type { OwnVia } from '../headers/forwarding-edits.ts';
import type { TrustedPeers } from '../headers/address.ts';
import type { Roll } from '../in-flight/roll.ts';
import type { GuardKeepers } from '../in-flight/request-guard.ts';
import type { Limits } from '../limits.ts';
import type { ServingState } from '../serving/serving-state.ts';
import type { PlaneMetrics } from '../metrics/plane-metrics.ts';
import type { Clock } from '../timing/clock.ts';
import type { UpstreamWireClient } from '../upstream/index.ts';
import type { RequestScope } from './request-scope.ts';

export interface PipelineServices {
  readonly state: ServingState;
  readonly keepers: GuardKeepers;
  readonly waiting: WaitingClock;
  readonly upstream: UpstreamWireClient;
  readonly accessLog: AccessLog;
  readonly metrics: PlaneMetrics;
  readonly trusted: TrustedPeers;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly workers: number;
  readonly requestIds: RequestIds;
  /** RFC 9110 §7.6.3. */
  readonly via: OwnVia;
  /** Where HTTPS redirects point; null = nowhere, then there are none. */
  readonly httpsPort: () => number | null;
  readonly send: (message: WorkerMessage) => void;
  /** Requests under way, for a lame duck and the counters. */
  readonly requests: Roll<RequestScope>;
}
