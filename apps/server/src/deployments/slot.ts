// One place in a deployment: what should run there, what does, and the repair of it when it dies.
// A rollout changes what should run; the slot keeps it running. Knows no rollout.
import type { StartFailure } from '@tako/supervisor';
import { pause } from '../timing.ts';
import type { Build } from './build.ts';
import type { Member } from './member.ts';
import { RestartBackoff } from './restart-backoff.ts';

export type MemberStart =
  | { readonly kind: 'healthy'; readonly member: Member }
  | { readonly kind: 'failed'; readonly failure: StartFailure };

export interface SlotTeam {
  /** Starts an instance and waits until it is healthy or failed; a failed one is gone already. */
  startMember(build: Build, signal: AbortSignal): Promise<MemberStart>;
  publish(): number;
  onRepairFailed(failure: StartFailure): void;
  onCrashLoop(): void;
}

export class Slot {
  build: Build;
  member: Member | null = null;
  readonly #team: SlotTeam;
  readonly #backoff = new RestartBackoff();
  #repair: AbortController | null = null;

  constructor(build: Build, team: SlotTeam) {
    this.build = build;
    this.#team = team;
  }

  get crashLoop(): boolean {
    return this.#backoff.crashLoop;
  }

  get repairing(): boolean {
    return this.#repair !== null;
  }

  /** Puts a proven member in place and into rotation; returns the one that was there. */
  install(member: Member): Member | null {
    this.cancelRepair();
    const previous = this.member;
    this.build = member.build;
    this.member = member;
    member.inRotation = true;
    return previous;
  }

  /** Its member died by itself: another one, later each time. */
  lost(member: Member): void {
    if (this.member !== member) return;
    this.member = null;
    void this.repair(this.#backoff.next(Date.now() - member.instance.startedAt));
  }

  /** Starts what is missing, with back-off, until it runs or the repair is cancelled. Resolves after the first try. */
  repair(afterMs: number): Promise<void> {
    if (this.#repair !== null || this.member !== null) return Promise.resolve();
    const controller = new AbortController();
    this.#repair = controller;
    const tried = Promise.withResolvers<void>();
    void this.#repairUntil(controller.signal, afterMs, tried.resolve).finally(() => {
      tried.resolve();
      if (this.#repair === controller) this.#repair = null;
    });
    return tried.promise;
  }

  cancelRepair(): void {
    this.#repair?.abort();
    this.#repair = null;
  }

  async #repairUntil(signal: AbortSignal, afterMs: number, tried: () => void): Promise<void> {
    let saidLoop = false;
    let waitMs = afterMs;
    while (!signal.aborted) {
      if (this.#backoff.crashLoop && !saidLoop) this.#team.onCrashLoop();
      saidLoop = this.#backoff.crashLoop;
      await pause(waitMs, signal);
      if (signal.aborted) return;
      const start = await this.#team.startMember(this.build, signal);
      tried();
      if (start.kind === 'failed') {
        if (!signal.aborted) this.#team.onRepairFailed(start.failure);
        waitMs = this.#backoff.next(0);
        continue;
      }
      if (signal.aborted) return void start.member.instance.stop('repair cancelled');
      this.install(start.member);
      this.#team.publish();
      return;
    }
  }
}
