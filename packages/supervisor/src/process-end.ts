// How the processes of one instance end: by themselves, when asked, or not at all. Joins the first process with the
// termination of everything it started. Knows nothing of states or outcomes.
import { limits } from './limits.ts';
import { describeExit } from './start-evidence.ts';
import type { ProcessExit, SupervisedProcess } from './supervised-process.ts';
import { Termination, type TerminationResult } from './termination.ts';
import { within } from './timing.ts';

export interface LeaderEnd extends ProcessExit {
  /** `exited with code 1`, `could not be killed: 4711 did not go away`. */
  readonly reason: string;
}

export class ProcessEnd {
  /** The first process ended, or nothing can end it. Never rejects. */
  readonly whenLeaderEnded: Promise<LeaderEnd>;
  readonly #process: SupervisedProcess;
  readonly #environmentEntry: string | null;
  readonly #ended = Promise.withResolvers<LeaderEnd>();
  #termination: Termination | null = null;

  constructor(process: SupervisedProcess, environmentEntry: string | null) {
    this.#process = process;
    this.#environmentEntry = environmentEntry;
    this.whenLeaderEnded = this.#ended.promise;
    void process.whenEnded.then((exit) => this.#ended.resolve({ ...exit, reason: describeExit(exit) }));
  }

  /** SIGTERM, `graceMs` later SIGKILL; called again, the shorter grace wins. */
  terminate(graceMs: number): void {
    if (this.#termination === null) this.#begin(graceMs);
    else this.#termination.shorten(graceMs);
  }

  /** After the end of the leader: its children have the grace of a stop under way, or a short one. */
  async outlastChildren(): Promise<void> {
    const termination = this.#termination ?? this.#begin(limits.orphanGraceMs);
    await termination.whenGone;
  }

  /** A refused or reset probe is often the first sign of an end that is reported a moment later. */
  async awaitLikelyEnd(): Promise<void> {
    await within(this.#process.whenEnded, limits.evidenceExitMs);
  }

  #begin(graceMs: number): Termination {
    const { identity, whenEnded } = this.#process;
    const mark = { leader: identity, environmentEntry: this.#environmentEntry, trustGroupNumber: true };
    const termination = new Termination({ mark, whenLeaderEnded: whenEnded, graceMs });
    this.#termination = termination;
    void termination.whenGone.then((result) => this.#onTerminated(result));
    return termination;
  }

  /** Nobody waits for ever for a process that the kernel keeps, or that the daemon may not signal (kill(2), EPERM). */
  #onTerminated(result: TerminationResult): void {
    if (result.kind === 'gone') return;
    const reason = `could not be killed: ${result.pids.join(', ')} did not go away`;
    this.#ended.resolve({ exitCode: null, signal: null, reason });
  }
}
