// What a deploy must know of one server before it sends anything: the lease, the preflight, its releases and secrets
// (spec 30, step 3). Changes nothing but the lease.
import { isTakoError, TakoError } from '@tako/config';
import type { LockHolder, Problem, ReleaseSummary } from '@tako/protocol';
import type { Task } from '../output/task.ts';
import { holdLease, type Lease } from '../rollout/hold-lock.ts';
import type { ServerSession } from '../servers/session.ts';

export interface ServerFacts {
  readonly session: ServerSession;
  readonly lease: Lease;
  readonly releases: readonly ReleaseSummary[];
  readonly secretsDigest: string;
}

export interface CheckOptions {
  readonly deploymentId: string;
  readonly routes: readonly string[];
  readonly holder: LockHolder;
  readonly waitMs: number;
  readonly signal: AbortSignal;
  readonly task: Task;
}

/** Takes the lease, asks everything that decides the rest. Errors: DEPLOYMENT_LOCKED, PREFLIGHT_FAILED. */
export async function checkServer(session: ServerSession, options: CheckOptions): Promise<ServerFacts> {
  const { deploymentId, signal, task } = options;
  const lease = await holdLease(session, {
    deploymentId,
    holder: options.holder,
    waitMs: options.waitMs,
    onWaiting: (locked) => task.note(`waiting: ${locked.message}`),
    signal,
  });
  try {
    return await askServer(session, { ...options, lease });
  } catch (error) {
    await lease[Symbol.asyncDispose]();
    throw error;
  }
}

async function askServer(
  session: ServerSession,
  options: CheckOptions & { lease: Lease },
): Promise<ServerFacts> {
  const { deploymentId, signal, task, lease } = options;
  const call = { signal: AbortSignal.any([signal, lease.signal]) };
  const { arch } = session.client.server.machine;
  const [preflight, releases, digest] = await session.call(({ api }) =>
    Promise.all([
      api.preflight.query({ deploymentId, routes: [...options.routes], arch, artifactBytes: 0 }, call),
      unlessNew(api.releases.query({ deploymentId }, call), []),
      unlessNew(api.secrets_digest.query({ deploymentId }, call), { digest: '', names: [] }),
    ]),
  );
  for (const problem of preflight.problems) {
    if (problem.severity === 'warning') task.warn({ ...problem, server: session.name });
  }
  const errors = preflight.problems.filter(({ severity }) => severity === 'error');
  if (errors.length > 0) throw preflightFailed(session.name, errors);
  return { session, lease, releases, secretsDigest: digest.digest };
}

/** A deployment that the server does not know yet has no releases and no secrets. */
async function unlessNew<T>(asked: Promise<T>, otherwise: T): Promise<T> {
  try {
    return await asked;
  } catch (error) {
    if (isTakoError(error) && error.code === 'APP_NOT_FOUND') return otherwise;
    throw error;
  }
}

function preflightFailed(server: string, problems: readonly Problem[]): TakoError {
  const [first] = problems;
  const lines = problems.map(
    ({ code, message, hint }) => `  ${message} (${code})${hint === null ? '' : `. ${hint}`}`,
  );
  const single = problems.length === 1 && first !== undefined;
  return new TakoError(
    single ? first.code : 'PREFLIGHT_FAILED',
    single ? first.message : `${server} has problems:\n${lines.join('\n')}`,
    {
      hint: single
        ? (first.hint ?? undefined)
        : 'Solve them, and deploy again. Nothing was changed on any server.',
      details: { server, problems: problems.map((problem) => ({ ...problem })) },
    },
  );
}
