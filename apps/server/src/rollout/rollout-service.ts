// Runs rollouts: one at a time per deployment, recorded before it begins, committed in one transaction, re-joined
// by id. What each kind wants is in change.ts; how slots are swapped is in roll-out.ts.
import { randomBytes } from 'node:crypto';
import { TakoError } from '@tako/config';
import type { RolloutEvent } from '@tako/protocol';
import type { DeploymentRecord, RolloutRecord, Store } from '@tako/store';
import type { Deployment } from '../deployments/deployment.ts';
import { rolloutRowsMax } from '../limits.ts';
import type { Log } from '../log.ts';
import { rollOut } from './roll-out.ts';
import type { RolloutOutcome } from './roll-out.ts';
import { planRow, stepsOf } from './rollout-plan.ts';
import type { RolloutPlan } from './rollout-plan.ts';
import { RolloutRun } from './rollout-run.ts';
import type { RolloutKind } from './rollout-run.ts';
import type { RolloutRuns } from './rollout-runs.ts';

/** One change of a deployment: the plan, the row it ends in, what follows the commit or the revert. */
export interface Change {
  readonly deployment: Deployment;
  readonly plan: RolloutPlan;
  /** The row after the commit, from the row as it is at that moment. */
  readonly next: (record: DeploymentRecord) => DeploymentRecord;
  /** More rows for the same transaction. */
  readonly commitRows?: () => void;
  /** Files and links that follow the row; a boot that finds them behind finishes this. */
  readonly settle: () => Promise<void>;
  readonly reverted: (code: string, reason: string) => Promise<void>;
}

export class RolloutService {
  readonly #store: Store;
  readonly #runs: RolloutRuns;
  readonly #log: Log;

  constructor(store: Store, runs: RolloutRuns, log: Log) {
    this.#store = store;
    this.#runs = runs;
    this.#log = log;
  }

  /** Throws ROLLOUT_IN_PROGRESS: a deployment changes one way at a time. */
  assertIdle(deploymentId: string): void {
    const running = this.#runs.running(deploymentId);
    if (running === undefined) return;
    throw new TakoError(
      'ROLLOUT_IN_PROGRESS',
      `a ${running.kind} of ${deploymentId} is under way (rollout ${running.id})`,
      {
        hint: 'wait for it, or revert it',
        details: { deploymentId, rolloutId: running.id, kind: running.kind },
      },
    );
  }

  /** Begins and returns at once; the run tells how it goes. Throws ROLLOUT_IN_PROGRESS. */
  begin(change: Change): RolloutRun {
    const { deployment, plan } = change;
    this.assertIdle(deployment.id);
    const run = this.#open(deployment.id, plan.kind, plan.to.version);
    const from = deployment.record.currentVersion;
    const row = {
      id: run.id,
      deploymentId: deployment.id,
      kind: plan.kind,
      plan: planRow(plan, from),
      startedAt: run.startedAt,
    };
    this.#store.rollouts.put({ ...row, state: 'running', endedAt: null, result: null });
    const steps = stepsOf(plan, deployment.slots.length);
    run.emit({
      type: 'started',
      rolloutId: run.id,
      kind: plan.kind,
      from,
      to: plan.to.version,
      steps,
      at: run.startedAt,
    });
    void this.#carry(run, () => this.#roll(run, change, row));
    return run;
  }

  /** A change without new instances (stop, delete): `work` reports by itself and never half-fails. */
  beginPlain(
    deployment: Deployment,
    kind: RolloutKind,
    work: (run: RolloutRun) => Promise<RolloutEvent>,
  ): RolloutRun {
    this.assertIdle(deployment.id);
    const run = this.#open(deployment.id, kind, deployment.record.currentVersion);
    const from = deployment.record.currentVersion;
    run.emit({
      type: 'started',
      rolloutId: run.id,
      kind,
      from,
      to: null,
      steps: deployment.slots.length,
      at: run.startedAt,
    });
    run.committed();
    void this.#carry(run, async () => run.emit(await work(run)));
    return run;
  }

  /** For calls that find nothing to do. */
  unchanged(deployment: Deployment, kind: RolloutKind, reason: string): RolloutRun {
    const run = this.#open(deployment.id, kind, deployment.record.currentVersion);
    run.emit({ type: 'unchanged', reason });
    run.finish();
    return run;
  }

  #open(deploymentId: string, kind: RolloutKind, to: string | null): RolloutRun {
    const run = new RolloutRun({ id: `r-${randomBytes(6).toString('hex')}`, deploymentId, kind, to });
    this.#runs.add(run);
    return run;
  }

  async #carry(run: RolloutRun, work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#log.error(
        { err: error, rollout: run.id, app: run.deploymentId },
        'rollout failed by a fault of our own',
      );
      const reason = error instanceof Error ? error.message : String(error);
      run.emit({
        type: 'rolledBack',
        rolloutId: run.id,
        code: 'INTERNAL',
        reason,
        evidence: null,
        durationMs: Date.now() - run.startedAt,
      });
    } finally {
      run.finish();
    }
  }

  async #roll(
    run: RolloutRun,
    change: Change,
    row: Omit<RolloutRecord, 'state' | 'endedAt' | 'result'>,
  ): Promise<void> {
    const { deployment, plan } = change;
    const outcome = await rollOut({
      plan,
      team: deployment,
      signal: run.signal,
      report: (progress) =>
        run.emit(
          progress.type === 'drained' || progress.type === 'warning'
            ? progress
            : { ...progress, at: Date.now() },
        ),
      commit: () => {
        this.#commit(change, row);
        run.committed();
      },
    });
    const durationMs = Date.now() - run.startedAt;
    if (outcome.kind === 'reverted') {
      this.#store.rollouts.put({
        ...row,
        state: 'rolledBack',
        endedAt: Date.now(),
        result: { code: outcome.code, reason: outcome.reason },
      });
      await change.reverted(outcome.code, outcome.reason);
      this.#log.warn(
        { app: deployment.id, rollout: run.id, kind: plan.kind, reason: outcome.reason, durationMs },
        'rollout rolled back',
      );
      run.emit({
        type: 'rolledBack',
        rolloutId: run.id,
        code: outcome.code,
        reason: outcome.reason,
        evidence: outcome.evidence,
        durationMs,
      });
      return;
    }
    await deployment.publishAcknowledged();
    await change.settle();
    this.#log.info(
      { app: deployment.id, rollout: run.id, kind: plan.kind, release: plan.to.version, durationMs },
      'rollout deployed',
    );
    run.emit(deployedEvent(run, deployment, outcome));
  }

  #commit(change: Change, row: Omit<RolloutRecord, 'state' | 'endedAt' | 'result'>): void {
    const { deployment } = change;
    const record = change.next(deployment.record);
    this.#store.transaction(() => {
      this.#store.deployments.put(record);
      change.commitRows?.();
      this.#store.rollouts.put({ ...row, state: 'deployed', endedAt: Date.now(), result: {} });
      this.#store.rollouts.prune(deployment.id, rolloutRowsMax);
    });
    deployment.record = record;
    deployment.manifest = change.plan.to.manifest;
  }
}

export function deployedEvent(
  run: RolloutRun,
  deployment: Deployment,
  outcome: Extract<RolloutOutcome, { kind: 'completed' }>,
): RolloutEvent {
  return {
    type: 'deployed',
    rolloutId: run.id,
    version: deployment.record.currentVersion,
    urls: deployment.record.routes.map((route) => `https://${route.replace(/\/\*$/, '/')}`),
    instances: deployment.slots.length,
    endedStreams: outcome.endedStreams,
    cutConnections: outcome.cutConnections,
    durationMs: Date.now() - run.startedAt,
  };
}
