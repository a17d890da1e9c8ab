// Follows a rollout to its end: steps onto the task, a cut stream joined again, the first Ctrl-C asks the server to
// revert and waits, the second leaves (spec 30, "a client that goes away").
import { setTimeout as delay } from 'node:timers/promises';
import { isTakoError, TakoError } from '@tako/config';
import type { RolloutEvent } from '@tako/protocol';
import type { Interruption } from '../cli/interruption.ts';
import { limits } from '../limits.ts';
import { formatDuration } from '../output/text.ts';
import type { Task } from '../output/task.ts';
import { isConnectionError, nameServer, type ServerSession } from '../servers/session.ts';
import { createRolloutError } from './failure.ts';
import { createInstanceRows, type InstanceRows } from './instance-rows.ts';

export type RolloutEnd = Extract<RolloutEvent, { type: 'deployed' | 'unchanged' }>;
type Terminal = Extract<RolloutEvent, { type: 'deployed' | 'unchanged' | 'rolledBack' }>;

export interface RolloutFollow {
  readonly session: ServerSession;
  readonly deploymentId: string;
  readonly task: Task;
  readonly interruption: Interruption;
  /** Opens the stream that starts the rollout. */
  readonly open: (options: { signal: AbortSignal }) => Promise<AsyncIterable<RolloutEvent>>;
}

/** Errors: the rollout's own code when it was reverted, CONNECTION_LOST when its outcome stayed unknown, INTERRUPTED. */
export async function followRollout(follow: RolloutFollow): Promise<RolloutEnd> {
  follow.interruption.first.throwIfAborted();
  const deadline = AbortSignal.timeout(limits.rolloutTimeoutMs);
  const rows = createInstanceRows(follow.task, () => follow.interruption.first.aborted);
  const progress: Progress = { rolloutId: null, from: null, rows };
  const signal = AbortSignal.any([follow.interruption.second, deadline]);
  using cleanup = new DisposableStack();
  cleanup.defer(() => rows.close());
  const revert = (): void => askForRevert(follow, progress);
  follow.interruption.first.addEventListener('abort', revert, { once: true });
  cleanup.defer(() => follow.interruption.first.removeEventListener('abort', revert));
  const end = await follow.session
    .call(() => readToEnd(follow, { progress, signal }))
    .catch((error: unknown) => {
      if (deadline.aborted) throw unknownOutcome(follow, progress, error);
      throw nameServer(error, follow.session.name);
    });
  if (end.type !== 'rolledBack') return end;
  throw createRolloutError(end, { server: follow.session.name, serving: progress.from });
}

interface Progress {
  rolloutId: string | null;
  from: string | null;
  readonly rows: InstanceRows;
}

interface Reading {
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

async function readToEnd(follow: RolloutFollow, reading: Reading): Promise<Terminal> {
  let open = follow.open;
  for (let attempt = 0; ; attempt += 1) {
    const outcome = await readStream(follow, open, reading);
    if ('end' in outcome) return outcome.end;
    if (attempt >= limits.rejoinAttemptsMax)
      throw outcome.cut ?? unknownOutcome(follow, reading.progress, null);
    follow.task.note('the connection broke; joining the rollout again');
    await delay(limits.rejoinDelayMs * 2 ** Math.min(attempt, 4), undefined, { signal: reading.signal });
    const { session } = follow;
    const back = await session.reconnect(reading.signal).then(
      () => true,
      () => false,
    );
    if (!back) continue;
    const rolloutId = reading.progress.rolloutId ?? (await findRollout(session, follow.deploymentId));
    // It ended while nobody listened, or never began: only a look at the app can tell.
    if (rolloutId === null) throw unknownOutcome(follow, reading.progress, outcome.cut);
    open = (options) => session.client.api.rollout.query({ rolloutId }, options);
  }
}

/** The rollout under way, for a stream that was cut before it said its id. */
async function findRollout(session: ServerSession, deploymentId: string): Promise<string | null> {
  const status = await session.client.api.status.query({ deploymentId }).catch(() => null);
  return (
    status?.deployments.find((deployment) => deployment.deploymentId === deploymentId)?.rollout?.id ?? null
  );
}

type StreamOutcome = { readonly end: Terminal } | { readonly cut: unknown };

/** Until the last event, or the cut. Errors that are not a broken connection are the server's answer. */
async function readStream(
  follow: RolloutFollow,
  open: RolloutFollow['open'],
  { progress, signal }: Reading,
): Promise<StreamOutcome> {
  try {
    for await (const event of await open({ signal })) {
      showEvent(follow.task, event, progress, follow.session.name);
      if (event.type === 'started' && follow.interruption.first.aborted) {
        void sendRevert(follow.session, { rolloutId: event.rolloutId, task: follow.task });
      }
      if (event.type === 'deployed' || event.type === 'unchanged' || event.type === 'rolledBack')
        return { end: event };
    }
    return { cut: null };
  } catch (error) {
    signal.throwIfAborted();
    if (isConnectionError(error)) return { cut: error };
    throw error;
  }
}

function showEvent(task: Task, event: RolloutEvent, progress: Progress, server: string): void {
  progress.rows.show(event);
  switch (event.type) {
    case 'started':
      progress.rolloutId = event.rolloutId;
      progress.from = event.from;
      return;
    case 'drained': {
      const cut = event.cutConnections === 0 ? '' : `, ${event.cutConnections} connections cut`;
      const ended = event.endedStreams === 0 ? '' : `, ${event.endedStreams} streams ended`;
      task.note(`${event.instance} drained in ${formatDuration(event.durationMs)}${ended}${cut}`);
      return;
    }
    case 'reverting':
      task.note('putting everything back');
      return;
    case 'warning':
      task.warn({ code: event.code, message: event.message, server });
      return;
    case 'step':
    case 'deployed':
    case 'unchanged':
    case 'rolledBack':
      return;
  }
}

/** The first Ctrl-C: the server is asked to put back what it changed; the stream then tells how that went. */
function askForRevert(follow: RolloutFollow, progress: Progress): void {
  const { task, session } = follow;
  // Not known yet: `started` is on its way, and asks then.
  if (progress.rolloutId === null) return;
  void sendRevert(session, { rolloutId: progress.rolloutId, task });
}

async function sendRevert(session: ServerSession, ask: { rolloutId: string; task: Task }): Promise<void> {
  try {
    await session.client.api.revert_rollout.mutate({ rolloutId: ask.rolloutId });
  } catch (error) {
    // Over already: its last event is on its way.
    if (isTakoError(error) && error.code === 'ROLLOUT_FINISHED') return;
    ask.task.warn({
      code: isTakoError(error) ? error.code : 'INTERNAL',
      message: `the revert could not be asked for: ${error instanceof Error ? error.message : String(error)}`,
      server: session.name,
    });
  }
}

function unknownOutcome(follow: RolloutFollow, progress: Progress, cause: unknown): TakoError {
  return new TakoError('CONNECTION_LOST', `how the rollout on ${follow.session.name} ended is not known`, {
    hint: `The server finishes it by itself. See: tako status --app ${follow.deploymentId.split('@')[0]}`,
    details: { server: follow.session.name, rolloutId: progress.rolloutId },
    cause,
  });
}
