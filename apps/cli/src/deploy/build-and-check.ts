// The first step of a deploy: the build here, and the lease and preflight on every server, side by side (spec 30, step 3).
import { runBuild, type Build } from '../build/build.ts';
import { CanceledError } from '../output/canceled-error.ts';
import { isAbort, type Task } from '../output/task.ts';
import { onEachServer, throwFailures, valuesOf } from '../servers/outcomes.ts';
import { checkServer, type ServerFacts } from './check-server.ts';
import type { DeployContext } from './deploy-context.ts';

interface Readied {
  readonly build: Build;
  readonly servers: readonly ServerFacts[];
}

/** Side by side; what fails first stops the other, and all servers' problems are told. */
export async function buildAndCheck(context: DeployContext, held: AsyncDisposableStack): Promise<Readied> {
  const { plan, task, interruption } = context;
  const stop = new AbortController();
  const signal = AbortSignal.any([interruption.first, stop.signal]);
  const stopOthers = (error: unknown): never => {
    if (!stop.signal.aborted)
      stop.abort(new CanceledError('stopped, since something else failed', { cause: error }));
    throw error;
  };
  const building = task
    .run('Build', (part) => runBuild({ ...plan.request, signal }, plan.build, part))
    .catch(stopOthers);
  const checking = task
    .run('Check servers', (part) => checkAll(context, { held, signal, task: part }))
    .catch(stopOthers);
  const [build, servers] = await Promise.allSettled([building, checking]);
  // The one that failed by itself is the cause; the other was only stopped.
  const failed = [build, servers].flatMap((result) =>
    result.status === 'rejected' ? [result.reason as unknown] : [],
  );
  if (failed.length > 0) {
    interruption.first.throwIfAborted();
    throw failed.find((error) => !isAbort(error)) ?? failed[0];
  }
  if (build.status === 'rejected' || servers.status === 'rejected') throw new Error('unreachable');
  return { build: build.value, servers: servers.value };
}

async function checkAll(
  context: DeployContext,
  work: { held: AsyncDisposableStack; signal: AbortSignal; task: Task },
): Promise<ServerFacts[]> {
  const { plan } = context;
  const outcomes = await onEachServer(plan.target.servers, (server) =>
    work.task.run(
      server.name,
      async (task) => {
        const session = work.held.use(await context.open(server, work.signal));
        const facts = await checkServer(session, {
          deploymentId: plan.target.deploymentId,
          routes: plan.routes,
          holder: context.holder,
          waitMs: context.waitLockMs,
          signal: work.signal,
          task,
        });
        work.held.use(facts.lease);
        return facts;
      },
      { server: server.name },
    ),
  );
  throwFailures(outcomes, {
    what: 'checking the servers',
    isBeforeChange: true,
    finish: (failed) =>
      `Nothing was changed on any server. Solve what ${failed.join(', ')} said, and deploy again.`,
  });
  return valuesOf(outcomes).map(({ value }) => value);
}
