// One quick change of an app's traffic on each of its servers, under its lock: pause, resume, maintenance. What takes
// time and reports steps is change-app.ts.
import type { ManagementApi } from '@tako/protocol/client';
import type { AppTarget } from '../app/target.ts';
import { onEachServer, throwFailures, valuesOf } from '../servers/outcomes.ts';
import type { ChangeContext } from './change-app.ts';
import { holdLease } from './hold-lock.ts';

export interface AppSwitch {
  readonly target: AppTarget;
  /** The title of each server's row. */
  readonly title: string;
  /** For messages and the command that finishes the rest: `pause`, `maintenance on`. */
  readonly command: string;
  /** What the rest of the servers need as well: `--max 5m`. */
  readonly flags?: string;
  readonly set: (
    api: ManagementApi,
    input: { deploymentId: string; token: string },
    call: { signal: AbortSignal },
  ) => Promise<unknown>;
}

/** The servers that were switched. Errors: of the one server, or PARTIAL_FAILURE. */
export async function switchApp(change: AppSwitch, context: ChangeContext): Promise<string[]> {
  const { target } = change;
  const signal = context.interruption.first;
  const outcomes = await onEachServer(target.servers, ({ name }) =>
    context.task.run(
      change.title,
      async (task) => {
        await using session = await context.openSession({ name }, signal);
        await using lease = await holdLease(session, {
          deploymentId: target.deploymentId,
          holder: context.holder,
          waitMs: context.waitLockMs,
          onWaiting: (locked) => task.note(`waiting: ${locked.message}`),
          signal,
        });
        const input = { deploymentId: target.deploymentId, token: lease.token };
        await session.call(({ api }) => change.set(api, input, { signal }));
      },
      { server: name },
    ),
  );
  signal.throwIfAborted();
  const more = change.flags === undefined ? '' : `${change.flags} `;
  throwFailures(outcomes, {
    what: change.title,
    finish: (failed) =>
      `Finish: tako ${change.command} ${more}--app ${target.app} --env ${target.env} ${failed.map((name) => `--server ${name}`).join(' ')}`,
  });
  return valuesOf(outcomes).map(({ server }) => server);
}
