// Ends all processes of an instance: a signal to the group, a grace, then SIGKILL to whatever is left of it, those
// that left the group included. Knows nothing of states, probes or output.
import { limits } from './limits.ts';
import { killGroup } from './process-identity.ts';
import { findMembers, type InstanceMark, signalMembers } from './process-members.ts';
import { sleep } from './timing.ts';

export interface TerminationOptions {
  readonly mark: InstanceMark;
  /** Of the leader; resolves at once when it is dead already. */
  readonly whenLeaderEnded: Promise<unknown>;
  readonly graceMs: number;
}

export type TerminationResult =
  /** `killed`: at least one of them had to be told by SIGKILL. */
  | { readonly kind: 'gone'; readonly killed: boolean }
  /** The kernel holds them (state D): nothing more can be done from outside. */
  | { readonly kind: 'stuck'; readonly pids: readonly number[] };

export class Termination {
  readonly whenGone: Promise<TerminationResult>;
  readonly #options: TerminationOptions;
  readonly #told = new Set<number>();
  #killAt: number;
  #leaderEnded = false;
  #rearm = new AbortController();

  /** Starts at once. */
  constructor(options: TerminationOptions) {
    this.#options = options;
    this.#killAt = performance.now() + options.graceMs;
    this.whenGone = this.#run();
  }

  /** Kills `graceMs` from now if that is earlier than planned. */
  shorten(graceMs: number): void {
    const killAt = performance.now() + graceMs;
    if (killAt >= this.#killAt) return;
    this.#killAt = killAt;
    this.#rearm.abort();
  }

  async #run(): Promise<TerminationResult> {
    const { mark, whenLeaderEnded } = this.#options;
    // Without a grace there is nothing to ask for: the first signal is the last.
    if (this.#graceLeft() <= 0) return this.#kill();
    this.#askAll();
    void whenLeaderEnded.then(() => {
      this.#leaderEnded = true;
      this.#rearm.abort();
    });
    while (!this.#leaderEnded && this.#graceLeft() > 0) await this.#pause(this.#graceLeft());
    await this.#outlastMembers();
    if (findMembers(mark).length === 0) return { kind: 'gone', killed: false };
    return this.#kill();
  }

  /** SIGTERM once to each: a second one means "hurry" to many programs. */
  #askAll(): void {
    const members = findMembers(this.#options.mark);
    const groupWasTold = killGroup(this.#options.mark.leader, 'SIGTERM');
    const alone = groupWasTold ? members.filter((member) => !member.inGroup) : members;
    signalMembers(alone, 'SIGTERM');
    for (const { pid } of members) this.#told.add(pid);
  }

  /** The leader is gone; its children (a shell's server, say) still have the rest of the grace. */
  async #outlastMembers(): Promise<void> {
    while (this.#graceLeft() > 0) {
      const members = findMembers(this.#options.mark);
      if (members.length === 0) return;
      const untold = members.filter(({ pid, inGroup }) => !inGroup && !this.#told.has(pid));
      signalMembers(untold, 'SIGTERM');
      for (const { pid } of untold) this.#told.add(pid);
      await this.#pause(Math.min(limits.groupPollMs, this.#graceLeft()));
    }
  }

  async #kill(): Promise<TerminationResult> {
    const { mark } = this.#options;
    const giveUpAt = performance.now() + limits.killWaitMs;
    let killed = false;
    for (let pauseMs = 5; ; pauseMs = limits.groupPollMs) {
      // Again and again: a member may have forked between the look and the signal.
      const members = findMembers(mark);
      if (members.length === 0) return { kind: 'gone', killed };
      killed = true;
      killGroup(mark.leader, 'SIGKILL');
      signalMembers(members, 'SIGKILL');
      if (performance.now() > giveUpAt) return { kind: 'stuck', pids: members.map(({ pid }) => pid) };
      await this.#pause(pauseMs);
    }
  }

  #graceLeft(): number {
    return this.#killAt - performance.now();
  }

  async #pause(ms: number): Promise<void> {
    if (this.#rearm.signal.aborted) this.#rearm = new AbortController();
    await sleep(ms, this.#rearm.signal);
  }
}
