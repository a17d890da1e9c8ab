// What an upstream failure means: to the client (its row in the failure table), and to the instance (passive health).
import type { PassiveFailure } from '../control/messages.ts';
import type { PipelineServices } from '../pipeline/services.ts';
import type { FailureKind } from '../replies/failure.ts';
import type { Instance } from '../serving/instance.ts';
import type { UpstreamFailureKind } from '../upstream/upstream.types.ts';

const kinds: Readonly<Record<UpstreamFailureKind, FailureKind>> = {
  refused: 'connectRefused',
  connectTimeout: 'connectTimedOut',
  reset: 'upstreamReset',
  headTimeout: 'headTimedOutUpstream',
  idleTimeout: 'bodyTimedOutUpstream',
  malformed: 'upstreamMalformed',
  aborted: 'upstreamReset',
};

export const kindOfUpstreamFailure = (kind: UpstreamFailureKind): FailureKind => kinds[kind];

const passiveFailures: Readonly<Partial<Record<UpstreamFailureKind, PassiveFailure>>> = {
  refused: 'refused',
  connectTimeout: 'timeout',
  headTimeout: 'timeout',
  reset: 'reset',
};

/** The control process hears of it, and an instance that takes no connections rests while others can serve. */
export function noteFailure(
  instance: Instance,
  kind: UpstreamFailureKind,
  { services, headReceived }: { services: PipelineServices; headReceived: boolean },
): void {
  const reason = passiveFailures[kind];
  // After the head the app did answer: its connection broke, its health is not in doubt.
  if (reason === undefined || headReceived) return;
  const now = services.clock.now();
  if (kind === 'refused' || kind === 'connectTimeout') {
    instance.restsUntil = now + services.limits.refusedRestMs;
  }
  // One report prompts a probe; a thousand at once say no more.
  if (now - instance.reportedAt < services.limits.passiveReportIntervalMs) return;
  instance.reportedAt = now;
  services.send({ type: 'failed', instance: instance.id, reason });
}
