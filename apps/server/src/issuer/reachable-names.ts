// Which of some names reach this server: one token each, shown to all workers at once, then fetched by DNS and HTTP.
import type { Log } from '../log.ts';
import type { ChallengeBoard } from './challenge-board.ts';
import { issuerLimits } from './limits.ts';
import { checkReachability, createProbe } from './reachability.ts';
import type { ReachabilityOptions } from './reachability.ts';
import type { RefusedName } from './order-thread.types.ts';

export interface ReachabilityCheck {
  readonly board: ChallengeBoard;
  readonly options: ReachabilityOptions;
  readonly log: Log;
}

/** Those that certainly do not, with the reason. Throws when the workers do not take the tokens. */
export async function findUnreachable(
  { board, options, log }: ReachabilityCheck,
  names: readonly string[],
  signal: AbortSignal,
): Promise<RefusedName[]> {
  if (names.length === 0) return [];
  const probes = names.map(createProbe);
  const challenges = probes.map(({ host, token, expected }) => ({
    kind: 'http-01' as const,
    host,
    challenge: token,
    keyAuthorization: expected,
  }));
  const refused: RefusedName[] = [];
  try {
    await board.present(challenges);
    const queue = probes.values();
    const look = async (): Promise<void> => {
      for (const probe of queue) {
        const outcome = await checkReachability(probe, options, signal);
        if (signal.aborted) return;
        if (outcome.kind === 'elsewhere')
          refused.push({ name: probe.host, message: outcome.reason, problem: null });
        else if (outcome.kind === 'unknown')
          log.info({ name: probe.host, reason: outcome.reason }, 'name could not be reached from here');
      }
    };
    await Promise.all(Array.from({ length: issuerLimits.reachabilityAtOnce }, look));
  } finally {
    await board.withdraw(challenges);
  }
  return refused;
}
