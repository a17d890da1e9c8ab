// The same work on several servers at once: every outcome is kept, then they are judged together (spec 20: exit 8 when
// some failed). Knows no work in particular.
import { isTakoError, TakoError } from '@tako/config';
import { exitCodeOf } from '@tako/protocol/errors';
import { mapLimited } from '../files/map-limited.ts';
import { limits } from '../limits.ts';
import { errorFacts } from '../output/error-report.ts';

export type ServerOutcome<T> =
  | { readonly kind: 'ok'; readonly server: string; readonly value: T }
  | { readonly kind: 'failed'; readonly server: string; readonly error: unknown };

export async function onEachServer<S extends { readonly name: string }, T>(
  servers: readonly S[],
  work: (server: S) => Promise<T>,
): Promise<ServerOutcome<T>[]> {
  return mapLimited(servers, limits.serversConcurrency, async (server): Promise<ServerOutcome<T>> => {
    try {
      return { kind: 'ok', server: server.name, value: await work(server) };
    } catch (error) {
      return { kind: 'failed', server: server.name, error };
    }
  });
}

export function valuesOf<T>(outcomes: readonly ServerOutcome<T>[]): { server: string; value: T }[] {
  return outcomes.flatMap((outcome) =>
    outcome.kind === 'ok' ? [{ server: outcome.server, value: outcome.value }] : [],
  );
}

export function failuresOf<T>(outcomes: readonly ServerOutcome<T>[]): { server: string; error: unknown }[] {
  return outcomes.flatMap((outcome) =>
    outcome.kind === 'failed' ? [{ server: outcome.server, error: outcome.error }] : [],
  );
}

/** For answers that are shown in any case: 0, 8 when some servers failed, the error's own when all did. */
export function outcomesExitCode<T>(outcomes: readonly ServerOutcome<T>[]): number {
  const failures = failuresOf(outcomes);
  const [first] = failures;
  if (first === undefined) return 0;
  return failures.length === outcomes.length ? exitCodeOf(first.error) : 8;
}

export interface FailureWords {
  /** `the restart`, `the rollout of 1a2b3c`. */
  readonly what: string;
  /** The command that finishes the rest, or puts it back. */
  readonly finish: (failedServers: readonly string[]) => string;
  /** True: a step that changes nothing that serves, so that some failed is no partial change. */
  readonly isBeforeChange?: boolean;
}

/**
 * Throws when a server failed: the one error itself, all of them under the first one's code when every server failed,
 * PARTIAL_FAILURE when some were changed and some failed.
 */
export function throwFailures<T>(outcomes: readonly ServerOutcome<T>[], words: FailureWords): void {
  const failures = failuresOf(outcomes);
  const [first] = failures;
  if (first === undefined) return;
  if (outcomes.length === 1) throw first.error;
  const servers = failures.map(({ server }) => server);
  const lines = failures.map(
    ({ server, error }) =>
      `  ${server}: ${errorFacts(error).message.split('\n')[0]} (${errorFacts(error).code})`,
  );
  const all = failures.length === outcomes.length;
  const isPartial = !all && words.isBeforeChange !== true;
  const facts = errorFacts(first.error);
  const message = all
    ? `${words.what} failed on all ${outcomes.length} servers:`
    : isPartial
      ? `${words.what} succeeded on ${outcomes.length - failures.length}/${outcomes.length} servers and failed on:`
      : `${words.what} failed on ${failures.length}/${outcomes.length} servers:`;
  throw new TakoError(isPartial ? 'PARTIAL_FAILURE' : facts.code, [message, ...lines].join('\n'), {
    hint: all ? (facts.hint ?? undefined) : words.finish(servers),
    details: {
      ...evidenceOf(first.error),
      servers: failures.map(({ server, error }) => ({ server, ...errorFacts(error) })),
    },
    cause: first.error,
  });
}

function evidenceOf(error: unknown): Readonly<Record<string, unknown>> {
  return isTakoError(error) && 'evidence' in error.details ? { evidence: error.details['evidence'] } : {};
}
