// One planned order to its end: names that do not reach us stay out, names that a CA refuses are left behind, and what is
// left is ordered again while something that is due is among it.
import type { Log } from '../log.ts';
import type { IssuedCertificate } from '../certificates/issued-certificates.ts';
import type { CertificateAuthorities } from './certificate-authorities.ts';
import type { NameFailures } from './name-failures.ts';
import { isWildcard } from './name-rules.ts';
import type { ChallengeType, RefusedName } from './order-thread.types.ts';

export interface IssueJobDeps {
  readonly authorities: Pick<CertificateAuthorities, 'issue'>;
  readonly failures: NameFailures;
  /** Names that certainly do not reach us. */
  readonly unreachable: (names: readonly string[], signal: AbortSignal) => Promise<readonly RefusedName[]>;
  /** For names that are no wildcards. */
  readonly challenges: readonly ChallengeType[];
  readonly log: Log;
}

export interface IssueJob {
  readonly deploymentId: string;
  readonly names: readonly string[];
  readonly due: ReadonlySet<string>;
  readonly replaces: { readonly directory: string; readonly ariId: string } | null;
}

/** The next kind of challenge at each failure in a row: a closed port 80 is no reason to fail for ever. */
export function methodsFor(
  name: string,
  challenges: readonly ChallengeType[],
  failures: number,
): ChallengeType[] {
  if (isWildcard(name)) return ['dns-01'];
  const start = challenges.length === 0 ? 0 : failures % challenges.length;
  return [...challenges.slice(start), ...challenges.slice(0, start)];
}

/** Resolves to what was issued: one certificate as a rule, several when a CA did not want all names in one. */
export async function runIssueJob(
  deps: IssueJobDeps,
  job: IssueJob,
  signal: AbortSignal,
): Promise<IssuedCertificate[]> {
  const methods = Object.fromEntries(
    job.names.map((name) => [
      name,
      methodsFor(name, deps.challenges, deps.failures.all.get(name)?.failures ?? 0),
    ]),
  );
  const checked = job.names.filter((name) => methods[name]?.[0] === 'http-01');
  const missing = await deps.unreachable(checked, signal);
  if (signal.aborted) return [];
  const left = await leave(deps, { ...job }, missing);
  return order(deps, { ...job, methods, names: left }, signal);
}

/** The names without those that were refused, which wait; one that is not due keeps its certificate and its peace. */
async function leave(deps: IssueJobDeps, job: IssueJob, refused: readonly RefusedName[]): Promise<string[]> {
  for (const { name, message } of refused) {
    const [record] = await deps.failures.record([name], message);
    deps.log.warn(
      { app: job.deploymentId, name, reason: message, nextTryAt: record?.nextTryAt },
      'name was left out of an order',
    );
  }
  const out = new Set(refused.map(({ name }) => name));
  return job.names.filter((name) => !out.has(name));
}

interface OrderJob extends IssueJob {
  readonly methods: Readonly<Record<string, readonly ChallengeType[]>>;
}

async function order(deps: IssueJobDeps, job: OrderJob, signal: AbortSignal): Promise<IssuedCertificate[]> {
  let { names } = job;
  // Each round leaves at least one name behind, or ends.
  while (names.some((name) => job.due.has(name)) && !signal.aborted) {
    const outcome = await deps.authorities.issue(
      { names, methods: job.methods, replaces: job.replaces },
      signal,
    );
    switch (outcome.kind) {
      case 'issued':
        await deps.failures.clear(names);
        return [outcome.certificate];
      case 'names': {
        const left = await leave(deps, { ...job, names }, outcome.names);
        if (left.length === names.length) {
          await fail(deps, { ...job, names }, outcome.names[0]?.message ?? 'refused', 0);
          return [];
        }
        names = left;
        break;
      }
      case 'divide': {
        const middle = Math.ceil(names.length / 2);
        const first = await order(deps, { ...job, names: names.slice(0, middle) }, signal);
        return [...first, ...(await order(deps, { ...job, names: names.slice(middle) }, signal))];
      }
      case 'failed':
        await fail(deps, { ...job, names }, outcome.message, outcome.retryAfterMs);
        return [];
      case 'stopped':
        return [];
    }
  }
  return [];
}

async function fail(deps: IssueJobDeps, job: IssueJob, message: string, askedMs: number): Promise<void> {
  const due = job.names.filter((name) => job.due.has(name));
  const [record] = await deps.failures.record(due, message, askedMs);
  deps.log.warn(
    { app: job.deploymentId, names: due, reason: message, nextTryAt: record?.nextTryAt },
    'certificate was not issued',
  );
}
