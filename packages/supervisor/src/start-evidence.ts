// Words and facts for a start that failed: how a process ended, where it listens instead. Decides nothing.
import type { EndingFacts } from './failure-reason.ts';
import type { InstanceOutput } from './instance-output.ts';
import type { ProcessIdentity, StartFailure } from './instance.types.ts';
import { limits } from './limits.ts';
import { findListeningSockets, formatListeningSocket, isPortOfOthers } from './listening-sockets.ts';
import { findMembers } from './process-members.ts';
import type { ProcessExit } from './supervised-process.ts';
import { within } from './timing.ts';

/** `exited with code 1`, `was ended by SIGKILL`. */
export function describeExit({ exitCode, signal }: ProcessExit): string {
  if (signal !== null) return `was ended by ${signal}`;
  return exitCode === null ? 'ended (its exit code is unknown)' : `exited with code ${exitCode}`;
}

/** setpriv(1), prlimit(1) and env(1) say so, with code 126 or 127, when they cannot execute what they were given. */
function isLaunchFailure({ exitCode }: ProcessExit, lastLines: readonly string[]): boolean {
  const launcherSpoke = /^(?:\/usr\/bin\/)?(?:setpriv|prlimit|env): /.test(lastLines.at(-1) ?? '');
  return launcherSpoke && (exitCode === 126 || exitCode === 127 || exitCode === 1);
}

export interface EvidenceSources extends EndingFacts {
  readonly output: InstanceOutput;
  readonly identity: ProcessIdentity | null;
  readonly environmentEntry: string | null;
  /** Where it said that it listens. */
  readonly port: number | null;
}

/** Another process listens where this instance should, and it does not. */
export function isPortForeign(port: number, { spec, identity, environmentEntry }: EvidenceSources): boolean {
  if (identity === null) return false;
  const members = findMembers({ leader: identity, environmentEntry, trustGroupNumber: true });
  return isPortOfOthers(
    port,
    members.map(({ pid }) => pid),
    spec.runAs?.uid ?? null,
  );
}

/** `127.0.0.1:5173, expected $PORT = 41023 on 127.0.0.1`; null when it listens nowhere, or just where it should. */
function describeListening(sources: EvidenceSources, identity: ProcessIdentity): string | null {
  const { spec, environmentEntry } = sources;
  const expectedPort = sources.port ?? (spec.readiness.kind === 'http' ? spec.readiness.port : null);
  const members = findMembers({ leader: identity, environmentEntry, trustGroupNumber: true });
  const sockets = findListeningSockets(
    members.map(({ pid }) => pid),
    spec.runAs?.uid ?? null,
  );
  const reachable = (address: string): boolean => ['127.0.0.1', '0.0.0.0', '::'].includes(address);
  if (
    sockets.length === 0 ||
    sockets.some(({ address, port }) => port === expectedPort && reachable(address))
  )
    return null;
  const listed = sockets.slice(0, limits.evidenceListenersMax).map(formatListeningSocket).join(', ');
  if (expectedPort === null) return `${listed}, but the line TAKO:READY:<port> never came`;
  const wanted =
    spec.readiness.kind === 'http' ? `$PORT = ${expectedPort}` : `port ${expectedPort}, as it said`;
  return `${listed}, expected ${wanted} on 127.0.0.1`;
}

/** All that is known at this moment about why it did not start, or did not stay. */
export async function gatherFailure(
  phase: StartFailure['phase'],
  reason: string,
  sources: EvidenceSources,
): Promise<StartFailure> {
  const { output, identity, outcome, lastProbe } = sources;
  // What it wrote before it ended may still be in the pipe.
  if (outcome !== null) await within(output.whenEnded, limits.outputDrainMs);
  const { lastLines } = output;
  const neverRan = outcome !== null && isLaunchFailure(outcome, lastLines);
  const asksWhere = outcome === null && (phase === 'readiness' || lastProbe?.status === null);
  const listening = asksWhere && identity !== null ? describeListening(sources, identity) : null;
  return { phase: neverRan ? 'spawn' : phase, reason, outcome, probe: lastProbe, listening, lastLines };
}
