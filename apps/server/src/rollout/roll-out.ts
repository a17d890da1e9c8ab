// The rollout itself: one slot at a time, each new instance proven before the old one leaves, everything undone
// in reverse order when a step fails. Knows slots and members; nothing of the store, the API or releases.
import { TakoError, isTakoError } from '@tako/config';
import type { FailureEvidence } from '@tako/protocol';
import type { StartFailure, StartResult } from '@tako/supervisor';
import type { Build } from '../deployments/build.ts';
import type { Member } from '../deployments/member.ts';
import type { MemberStart, Slot } from '../deployments/slot.ts';
import type { DrainReport } from '../traffic/drainer.ts';
import type { RolloutPlan } from './rollout-plan.ts';
import { stepsOf } from './rollout-plan.ts';
import { evidenceOf, failureCode } from './start-failure.ts';

export interface RolloutTeam {
  readonly slots: readonly Slot[];
  addSlot(build: Build): Slot;
  removeSlot(slot: Slot): void;
  startMember(build: Build, signal: AbortSignal): Promise<MemberStart>;
  stable(member: Member, durationMs: number, signal: AbortSignal): Promise<StartResult>;
  /** Publishes and waits until every living worker has it. */
  publishAcknowledged(): Promise<void>;
  /** Out of rotation, drained, stopped. */
  retire(member: Member, reason: string): Promise<DrainReport>;
  /** Stops one that never was in rotation. */
  discard(member: Member, reason: string): Promise<void>;
}

export type RolloutProgress =
  | {
      readonly type: 'step';
      readonly index: number;
      readonly of: number;
      readonly instance: string;
      readonly version: string;
      readonly state: string;
    }
  | ({ readonly type: 'drained'; readonly instance: string } & DrainReport)
  | { readonly type: 'reverting'; readonly reason: string }
  | { readonly type: 'warning'; readonly code: string; readonly message: string };

export type RolloutOutcome =
  | { readonly kind: 'completed'; readonly endedStreams: number; readonly cutConnections: number }
  | {
      readonly kind: 'reverted';
      readonly code: string;
      readonly reason: string;
      readonly evidence: FailureEvidence | null;
    };

/** A step that did not get there; carries the facts. */
class StepFailed extends Error {
  readonly instance: string;
  readonly failure: StartFailure;

  constructor(instance: string, failure: StartFailure) {
    super(failure.reason);
    this.instance = instance;
    this.failure = failure;
  }
}

export interface RolloutRequest {
  readonly plan: RolloutPlan;
  readonly team: RolloutTeam;
  readonly report: (progress: RolloutProgress) => void;
  /** Aborted = revert was asked for. Ignored once `commit` was called. */
  readonly signal: AbortSignal;
  /** Makes the outcome durable; a throw reverts. */
  readonly commit: () => void;
}

class Rollout {
  readonly #request: RolloutRequest;
  readonly #undo: (() => Promise<void>)[] = [];
  readonly #of: number;
  #endedStreams = 0;
  #cutConnections = 0;

  constructor(request: RolloutRequest) {
    this.#request = request;
    this.#of = stepsOf(request.plan, request.team.slots.length);
  }

  async run(): Promise<RolloutOutcome> {
    const { plan, team, commit, signal } = this.#request;
    try {
      for (let index = 0; index < plan.slots; index += 1)
        if (!this.#stays(team.slots[index])) await this.#fill(index);
      signal.throwIfAborted();
      while (team.slots.length > plan.slots) await this.#shrink();
      commit();
    } catch (error) {
      return this.#revert(error);
    }
    return { kind: 'completed', endedStreams: this.#endedStreams, cutConnections: this.#cutConnections };
  }

  #stays(slot: Slot | undefined): boolean {
    const { plan } = this.#request;
    if (slot === undefined || plan.replace === 'all') return false;
    return plan.replace === 'none' || slot.build.version === plan.to.version;
  }

  /** spawn → ready → healthy → stable → into rotation → the old one drains → stops. */
  async #fill(index: number): Promise<void> {
    const { plan, team, signal } = this.#request;
    signal.throwIfAborted();
    const candidate = await this.#prove(index);
    const existing = team.slots[index];
    const slot = existing ?? team.addSlot(plan.to);
    const before = slot.build;
    const old = slot.install(candidate);
    this.#undo.push(() => this.#restoreSlot(slot, existing === undefined ? null : before));
    await team.publishAcknowledged();
    this.#step(index, candidate.id, 'serving');
    if (old !== null) await this.#retire(old, 'replaced by a rollout');
  }

  async #prove(index: number): Promise<Member> {
    const { plan, team, signal } = this.#request;
    const start = await team.startMember(plan.to, signal);
    if (start.kind === 'failed') throw new StepFailed(`slot ${index}`, start.failure);
    const member = start.member;
    this.#step(index, member.id, 'healthy');
    const stable = await team.stable(member, plan.stableMs, signal);
    if (stable.kind === 'failed' || signal.aborted) {
      await team.discard(member, 'the rollout was reverted');
      signal.throwIfAborted();
      if (stable.kind === 'failed') throw new StepFailed(member.id, stable.failure);
    }
    this.#step(index, member.id, 'stable');
    return member;
  }

  async #shrink(): Promise<void> {
    const { team } = this.#request;
    const slot = team.slots.at(-1);
    if (slot === undefined) return;
    const { build, member } = slot;
    slot.cancelRepair();
    slot.member = null;
    team.removeSlot(slot);
    this.#undo.push(() => this.#restoreSlot(team.addSlot(build), build));
    if (member !== null) await this.#retire(member, 'scaled down');
  }

  async #retire(member: Member, reason: string): Promise<void> {
    const report = await this.#request.team.retire(member, reason);
    this.#endedStreams += report.endedStreams;
    this.#cutConnections += report.cutConnections;
    this.#request.report({ type: 'drained', instance: member.id, ...report });
  }

  /** Back to `build`; null = the slot was not there before. The old one serves again before the new one leaves. */
  async #restoreSlot(slot: Slot, build: Build | null): Promise<void> {
    const { team, report } = this.#request;
    const current = slot.member;
    if (build === null) {
      slot.cancelRepair();
      slot.member = null;
      team.removeSlot(slot);
    } else {
      slot.cancelRepair();
      const start = await team.startMember(build, new AbortController().signal);
      if (start.kind === 'healthy') {
        slot.install(start.member);
        await team.publishAcknowledged();
      } else {
        // What ran before does not start any more: keep trying rather than keep the build that was refused.
        report({
          type: 'warning',
          code: 'REVERT_INCOMPLETE',
          message: `${build.version} did not start again: ${start.failure.reason}`,
        });
        slot.build = build;
        slot.member = null;
        void slot.repair(0);
      }
    }
    if (current !== null) await this.#retire(current, 'the rollout was reverted');
  }

  async #revert(error: unknown): Promise<RolloutOutcome> {
    const { signal } = this.#request;
    const asked = signal.aborted;
    const reason = asked
      ? 'the revert was asked for'
      : error instanceof Error
        ? error.message
        : String(error);
    this.#request.report({ type: 'reverting', reason });
    for (const undo of this.#undo.reverse()) await undo();
    if (asked) return { kind: 'reverted', code: 'ROLLOUT_REVERTED', reason, evidence: null };
    if (error instanceof StepFailed) {
      return {
        kind: 'reverted',
        code: failureCode(error.failure),
        reason,
        evidence: evidenceOf(error.instance, error.failure),
      };
    }
    if (isTakoError(error)) return { kind: 'reverted', code: error.code, reason, evidence: null };
    throw new TakoError('INTERNAL', `a rollout failed: ${reason}`, { cause: error });
  }

  #step(index: number, instance: string, state: string): void {
    this.#request.report({
      type: 'step',
      index,
      of: this.#of,
      instance,
      version: this.#request.plan.to.version,
      state,
    });
  }
}

/** Resolves to what happened, with everything in the state it says. Rejects only for our own bugs (INTERNAL). */
export function rollOut(request: RolloutRequest): Promise<RolloutOutcome> {
  return new Rollout(request).run();
}
