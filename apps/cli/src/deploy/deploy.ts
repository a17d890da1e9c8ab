// The deploy of one app to its servers (spec 30): build and checks side by side, then send, release command, rollout.
// Up to the rollouts a failure anywhere stops everything everywhere; from there each server's outcome is its own.
import { isTakoError, TakoError, type Manifest } from '@tako/config';
import type { Build } from '../build/build.ts';
import { describeEnd } from '../rollout/describe-end.ts';
import type { RolloutEnd } from '../rollout/follow-rollout.ts';
import { onEachServer, throwFailures, valuesOf, type ServerOutcome } from '../servers/outcomes.ts';
import type { DeployPlan } from './deploy-plan.ts';
import { holdProjectLock } from './project-lock.ts';
import { buildAndCheck } from './build-and-check.ts';
import type { ServerFacts } from './check-server.ts';
import type { DeployContext } from './deploy-context.ts';
import { finishHint, urlsOf } from './deploy-words.ts';
import { prepareServer } from './prepare-server.ts';
import { runReleaseCommand } from './release-command.ts';
import { rollOutServer } from './roll-out-server.ts';
import { tellInterruption } from '../rollout/tell-interruption.ts';
import { settleManifest } from './settle-manifest.ts';

export interface DeployResult {
  readonly version: string;
  readonly urls: readonly string[];
  readonly servers: readonly { readonly server: string; readonly end: RolloutEnd }[];
  readonly phases: readonly { readonly name: string; readonly durationMs: number }[];
}

/** Errors: those of every step; PARTIAL_FAILURE when only some servers have the new version. */
export async function deployApp(context: DeployContext): Promise<DeployResult> {
  const { plan, task, interruption } = context;
  const signal = interruption.first;
  const phases: { name: string; durationMs: number }[] = [];
  const phase: Phase = async (name, work) => {
    const startedAt = performance.now();
    const result = await work();
    phases.push({ name, durationMs: Math.round(performance.now() - startedAt) });
    return result;
  };
  await using _lock = await holdProjectLock({
    file: plan.target.project.files.lockFile,
    holder: context.holder,
    waitMs: context.waitLockMs,
    onWaiting: (holder) =>
      task.tell(`Waiting for "${holder.command}" of ${holder.user}@${holder.host} (pid ${holder.pid})`),
    signal,
  });
  await using held = new AsyncDisposableStack();
  const { servers, manifest } = await readyEverywhere(context, held, phase).catch((error: unknown) => {
    throw signal.aborted ? interruptedBefore() : error;
  });
  if (signal.aborted) throw interruptedBefore();
  const outcomes = await phase('rollout', () => rollOutAll(context, servers, manifest));
  throwIfInterrupted(outcomes, interruption);
  throwFailures(outcomes, {
    what: `the deploy of ${manifest.version}`,
    finish: (failed) =>
      finishHint(
        plan,
        failed,
        valuesOf(outcomes).map(({ server }) => server),
      ),
  });
  const ends = valuesOf(outcomes).map(({ server, value }) => ({ server, end: value }));
  return {
    version: manifest.version,
    urls: urlsOf(
      plan,
      ends.map(({ end }) => end),
    ),
    servers: ends,
    phases,
  };
}

type Phase = <T>(name: string, work: () => Promise<T>) => Promise<T>;

/** Everything up to the rollouts: what fails here has changed nothing that serves. */
async function readyEverywhere(
  context: DeployContext,
  held: AsyncDisposableStack,
  phase: Phase,
): Promise<{ servers: readonly ServerFacts[]; manifest: Manifest }> {
  const { build, servers } = await phase('build', () => buildAndCheck(context, held));
  const manifest = settleManifest(context.plan, build, servers);
  await phase('send', () => prepareAll(context, { servers, build, manifest }));
  if (manifest.release_command !== null) {
    await phase('release command', () => commandOnFirst(context, servers, manifest));
  }
  return { servers, manifest };
}

function interruptedBefore(): TakoError {
  return new TakoError('INTERRUPTED', 'interrupted before the rollout: every server serves what it served', {
    hint: 'Nothing is to be cleaned up. Deploy again when you are ready: tako deploy',
  });
}

/** A revert that a person asked for is no failure; and who leaves at once is told that nothing stays half-done. */
function throwIfInterrupted(
  outcomes: readonly ServerOutcome<RolloutEnd>[],
  interruption: DeployContext['interruption'],
): void {
  if (!interruption.first.aborted) return;
  if (interruption.second.aborted) {
    throw new TakoError('INTERRUPTED', 'left before the servers said how it ended', {
      hint: 'They put the version before back by themselves. See it: tako status',
    });
  }
  const reverted = outcomes.every(
    (outcome) =>
      outcome.kind === 'failed' && isTakoError(outcome.error) && outcome.error.code === 'ROLLOUT_REVERTED',
  );
  if (!reverted) return;
  throw new TakoError(
    'INTERRUPTED',
    'interrupted: everything was put back, every server serves what it served',
    {
      hint: 'Deploy again when you are ready: tako deploy',
    },
  );
}

interface Release {
  readonly servers: readonly ServerFacts[];
  readonly build: Build;
  readonly manifest: Manifest;
}

async function prepareAll(context: DeployContext, release: Release): Promise<void> {
  const { plan, task, interruption } = context;
  await task.run('Send', async (part) => {
    const options = {
      deploymentId: plan.target.deploymentId,
      manifest: release.manifest,
      artifact: release.build.artifact,
      signal: interruption.first,
    };
    const outcomes = await onEachServer(named(release.servers), ({ name, facts }) =>
      part.run(name, (row) => prepareServer(facts, options, row), { server: name }),
    );
    interruption.first.throwIfAborted();
    throwFailures(outcomes, {
      what: 'preparing the release',
      isBeforeChange: true,
      finish: (failed) =>
        `Nothing was rolled out anywhere. Solve what ${failed.join(', ')} said, and deploy again.`,
    });
  });
}

async function commandOnFirst(
  context: DeployContext,
  servers: readonly ServerFacts[],
  manifest: Manifest,
): Promise<void> {
  const [first] = servers;
  if (first === undefined || manifest.release_command === null) return;
  const command = manifest.release_command;
  await context.task.run(
    'Release command',
    (task) => {
      task.note(command);
      return runReleaseCommand(
        first,
        {
          deploymentId: context.plan.target.deploymentId,
          version: manifest.version,
          command,
          secrets: changedSecrets(context.plan, first),
          signal: context.interruption.first,
        },
        task,
      );
    },
    { server: first.session.name },
  );
}

async function rollOutAll(
  context: DeployContext,
  servers: readonly ServerFacts[],
  manifest: Manifest,
): Promise<ServerOutcome<RolloutEnd>[]> {
  const { plan, task } = context;
  using _told = tellInterruption(task, context.interruption, plan.target.servers);
  return await task.run('Roll out', async (part) => {
    part.note(manifest.version);
    const outcomes = await onEachServer(named(servers), ({ name, facts }) => {
      const options = {
        deploymentId: plan.target.deploymentId,
        version: manifest.version,
        routes: plan.routes,
        secrets: changedSecrets(plan, facts),
        interruption: context.interruption,
      };
      return part.run(
        name,
        async (row) => {
          const end = await rollOutServer(facts, options, row);
          row.conclude(describeEnd(end), end.type === 'unchanged' ? 'skipped' : 'done');
          return end;
        },
        { server: name },
      );
    });
    const done = valuesOf(outcomes).length;
    const outcome = context.interruption.first.aborted ? 'canceled' : 'failed';
    if (done < outcomes.length) part.conclude(`${done}/${outcomes.length} servers`, outcome);
    else part.conclude(manifest.version);
    return outcomes;
  });
}

/** Values travel only to a server whose digest differs: absent = keep (spec 30, step 7). */
function changedSecrets(plan: DeployPlan, facts: ServerFacts): Readonly<Record<string, string>> | undefined {
  if (plan.secrets === null || plan.secretsDigest === facts.secretsDigest) return undefined;
  return plan.secrets;
}

const named = (servers: readonly ServerFacts[]): { name: string; facts: ServerFacts }[] =>
  servers.map((facts) => ({ name: facts.session.name, facts }));
