// Words for why a start or a stability window ended early. Pure.
import type { InstanceSpec } from './instance-spec.ts';
import type { ExitOutcome, InstanceState, ProbeResult, StartFailure } from './instance.types.ts';
import { describeProbe } from './start-sequence.ts';

export interface EndingFacts {
  readonly spec: InstanceSpec;
  readonly state: InstanceState;
  /** null while it runs. */
  readonly outcome: ExitOutcome | null;
  /** Why it was killed although nobody asked for a stop. */
  readonly deathReason: string | null;
  readonly stopReason: string | null;
  readonly lastProbe: ProbeResult | null;
}

/** `exited with code 1 before it was ready`. */
export function reasonOfInterruptedStart(phase: StartFailure['phase'], facts: EndingFacts): string {
  if (facts.deathReason !== null) return facts.deathReason;
  if (facts.stopReason !== null) return `was stopped while it started: ${facts.stopReason}`;
  if (facts.outcome === null) return 'was taken out of rotation while it started';
  return `${facts.outcome.reason} before it was ${phase === 'health' ? 'healthy' : 'ready'}`;
}

/** `did not stay up: it exited with code 1`. */
export function reasonOfInstability(facts: EndingFacts, calledOff: boolean): string {
  const ending = facts.deathReason ?? (facts.outcome?.expected === false ? facts.outcome.reason : null);
  if (ending !== null) return `did not stay up: it ${ending}`;
  if (facts.stopReason !== null) return `was stopped while its stability was awaited: ${facts.stopReason}`;
  if (calledOff) return 'was not awaited to the end: its stability window was called off';
  if (facts.lastProbe?.error == null) return `is ${facts.state}, not healthy`;
  return `did not stay healthy: ${describeProbe(facts.lastProbe, facts.spec)}`;
}

/** `could not be started: the directory /srv/app does not exist`. */
export function reasonOfNoProcess(error: unknown, { stopReason }: EndingFacts): string {
  if (stopReason !== null) return `was stopped before it was started: ${stopReason}`;
  return `could not be started: ${error instanceof Error ? error.message : String(error)}`;
}

/** `was killed: 5 probes in a row failed, the last: GET … no answer within 2000 ms`. */
export function reasonOfFailedProbes(failuresInARow: number, { lastProbe, spec }: EndingFacts): string {
  const last = lastProbe === null ? '' : `, the last: ${describeProbe(lastProbe, spec)}`;
  return `was killed: ${failuresInARow} probes in a row failed${last}`;
}
