// One change of a running app on each of its servers: lease, rollout, outcome. What scale, restart, rollback, stop, start,
// delete and a sync of secrets share.
import type { LockHolder, RolloutEvent } from '@tako/protocol';
import type { HeldLock } from '@tako/protocol/client';
import type { AppTarget } from '../app/target.ts';
import type { Interruption } from '../cli/interruption.ts';
import type { Task } from '../output/task.ts';
import { onEachServer, throwFailures, valuesOf } from '../servers/outcomes.ts';
import type { ServerSession } from '../servers/session.ts';
import { followRollout, type RolloutEnd } from './follow-rollout.ts';
import { holdLease } from './hold-lock.ts';
import { tellInterruption } from './tell-interruption.ts';

export interface AppChange {
  readonly target: AppTarget;
  /** `Restart`, `Scale to 3`: the title of each server's row. */
  readonly title: string;
  /** For messages and the command that finishes the rest: `restart`, `scale 3`. */
  readonly command: string;
  readonly open: (
    session: ServerSession,
    lock: HeldLock,
    call: { signal: AbortSignal },
  ) => Promise<AsyncIterable<RolloutEvent>>;
  /** What the row ends with, beside its title. */
  readonly describe: (end: RolloutEnd) => string | null;
}

export interface ChangeContext {
  readonly holder: LockHolder;
  readonly waitLockMs: number;
  readonly interruption: Interruption;
  readonly openSession: (server: { readonly name: string }, signal: AbortSignal) => Promise<ServerSession>;
  readonly task: Task;
}

export interface ServerEnd {
  readonly server: string;
  readonly end: RolloutEnd;
}

/** Errors: of the one server, or PARTIAL_FAILURE. */
export async function changeApp(change: AppChange, context: ChangeContext): Promise<ServerEnd[]> {
  const { target } = change;
  using _told = tellInterruption(context.task, context.interruption, target.servers);
  const outcomes = await onEachServer(target.servers, (server) =>
    context.task.run(change.title, (task) => changeOnServer(change, context, { server: server.name, task }), {
      server: server.name,
    }),
  );
  context.interruption.second.throwIfAborted();
  throwFailures(outcomes, {
    what: change.title,
    finish: (failed) =>
      `Finish: tako ${change.command} --app ${target.app} --env ${target.env} ${failed.map((name) => `--server ${name}`).join(' ')}`,
  });
  return valuesOf(outcomes).map(({ server, value }) => ({ server, end: value }));
}

async function changeOnServer(
  change: AppChange,
  context: ChangeContext,
  row: { server: string; task: Task },
): Promise<RolloutEnd> {
  const { deploymentId } = change.target;
  await using session = await context.openSession({ name: row.server }, context.interruption.first);
  await using lease = await holdLease(session, {
    deploymentId,
    holder: context.holder,
    waitMs: context.waitLockMs,
    onWaiting: (locked) => row.task.note(`waiting: ${locked.message}`),
    signal: context.interruption.first,
  });
  const end = await followRollout({
    session,
    deploymentId,
    task: row.task,
    interruption: context.interruption,
    open: (call) => change.open(session, lease, call),
  });
  row.task.conclude(change.describe(end), end.type === 'unchanged' ? 'skipped' : 'done');
  return end;
}
