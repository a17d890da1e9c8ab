// Why a rollout failed, as the error that a person reads at three in the morning (spec 20: never opaque). Pure.
import { TakoError } from '@tako/config';
import { isErrorCode } from '@tako/protocol/errors';
import type { FailureEvidence, RolloutEvent } from '@tako/protocol';

type RolledBack = Extract<RolloutEvent, { type: 'rolledBack' }>;

export interface FailureContext {
  readonly server: string;
  /** What still serves; null when nothing did before. */
  readonly serving: string | null;
}

export function createRolloutError(event: RolledBack, context: FailureContext): TakoError {
  const { evidence } = event;
  const lines = [
    `the rollout on ${context.server} was reverted: ${event.reason}`,
    context.serving === null
      ? '  Nothing was deployed before, so nothing serves now.'
      : `  The version before (${context.serving}) still serves.`,
    ...(evidence === null ? [] : describeEvidence(evidence)),
  ];
  return new TakoError(isErrorCode(event.code) ? event.code : 'ROLLOUT_FAILED', lines.join('\n'), {
    hint: nextStep(event),
    details: {
      server: context.server,
      reason: event.reason,
      rolloutId: event.rolloutId,
      ...(evidence === null ? {} : { evidence: { ...evidence }, lastLines: [...evidence.lastLines] }),
    },
  });
}

const phaseWords: Readonly<Record<FailureEvidence['phase'], string>> = {
  spawn: 'while starting the process',
  readiness: 'while waiting for it to be ready',
  health: 'while probing its health',
  stability: 'while it had to stay healthy',
  drain: 'while draining the old instance',
};

/** One fact a line: the phase, the exit, the probe, where it listens. The last lines of output follow by themselves. */
export function describeEvidence(evidence: FailureEvidence): string[] {
  const lines = [`  The new instance (${evidence.instance}) failed ${phaseWords[evidence.phase]}.`];
  if (evidence.signal !== null) lines.push(`  It was ended by ${evidence.signal}.`);
  else if (evidence.exitCode !== null) lines.push(`  It exited with code ${evidence.exitCode}.`);
  if (evidence.probe !== null) lines.push(`  ${describeProbe(evidence.probe)}`);
  if (evidence.listening !== null) lines.push(`  It listens on ${evidence.listening}.`);
  if (evidence.lastLines.length > 0) lines.push('  Its last output:');
  else lines.push('  It printed nothing.');
  return lines;
}

function describeProbe(probe: NonNullable<FailureEvidence['probe']>): string {
  const answer = probe.status === null ? (probe.error ?? 'no answer') : `status ${probe.status}`;
  const reason = probe.status !== null && probe.error !== null ? ` (${probe.error})` : '';
  const bytes =
    probe.firstBytes === null || probe.firstBytes === '' ? '' : `, body: ${probe.firstBytes.slice(0, 200)}`;
  return `Probe ${probe.url}: ${answer}${reason}${bytes}`;
}

function nextStep(event: RolledBack): string {
  const { evidence } = event;
  if (event.code === 'ROLLOUT_REVERTED') return 'Deploy again when you are ready: tako deploy';
  if (evidence?.listening?.includes('expected')) {
    return 'Make the app listen on the port in $PORT, and deploy again: tako deploy';
  }
  const exited = evidence !== null && (evidence.exitCode !== null || evidence.signal !== null);
  if (evidence !== null && evidence.probe !== null && !exited) {
    return 'Make the probe succeed, or set health_path in tako.toml; then deploy again: tako deploy';
  }
  return 'Fix what the output says, and deploy again: tako deploy';
}
