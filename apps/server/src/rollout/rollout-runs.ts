// All rollouts of this daemon: those under way and the last finished ones, by id.
import { TakoError } from '@tako/config';
import { finishedRolloutsMax } from '../limits.ts';
import type { RolloutRun } from './rollout-run.ts';

export class RolloutRuns {
  readonly #runs = new Map<string, RolloutRun>();

  add(run: RolloutRun): void {
    this.#runs.set(run.id, run);
    const finished = [...this.#runs.values()].filter((known) => known.finished);
    for (const old of finished.slice(0, Math.max(0, finished.length - finishedRolloutsMax)))
      this.#runs.delete(old.id);
  }

  /** Throws ROLLOUT_NOT_FOUND. */
  get(id: string): RolloutRun {
    const run = this.#runs.get(id);
    if (run !== undefined) return run;
    throw new TakoError('ROLLOUT_NOT_FOUND', `no rollout ${id} is known`, {
      hint: 'tako status shows what runs; rollouts of an earlier daemon cannot be joined',
      details: { rolloutId: id },
    });
  }

  /** Resolves when no rollout is under way. Nobody may begin one meanwhile. */
  async allFinished(): Promise<void> {
    await Promise.all([...this.#runs.values()].map((run) => run.done));
  }

  running(deploymentId: string): RolloutRun | undefined {
    return [...this.#runs.values()].find((run) => run.deploymentId === deploymentId && !run.finished);
  }
}
