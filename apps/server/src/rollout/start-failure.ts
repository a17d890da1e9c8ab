// A failed start as the API tells it: which code, which evidence. Pure.
import type { FailureEvidence } from '@tako/protocol';
import type { StartFailure } from '@tako/supervisor';

export function failureCode(failure: StartFailure): string {
  if (failure.outcome !== null)
    return failure.phase === 'stability' ? 'INSTANCE_UNSTABLE' : 'INSTANCE_EXITED';
  const codes = {
    spawn: 'INSTANCE_START_FAILED',
    readiness: 'INSTANCE_NEVER_READY',
    health: 'INSTANCE_UNHEALTHY',
    stability: 'INSTANCE_UNSTABLE',
  };
  return codes[failure.phase];
}

export function evidenceOf(instance: string, failure: StartFailure): FailureEvidence {
  const { probe, outcome } = failure;
  return {
    instance,
    phase: failure.phase,
    exitCode: outcome?.exitCode ?? null,
    signal: outcome?.signal ?? null,
    probe:
      probe === null
        ? null
        : {
            url: probe.url,
            status: probe.status,
            firstBytes: probe.firstBytes,
            error: probe.error?.message ?? null,
          },
    listening: failure.listening,
    lastLines: failure.lastLines.slice(-50),
  };
}
