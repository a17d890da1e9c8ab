// What a rollout will do, decided before it does anything: pure values, recorded in the store.
import type { Build } from '../deployments/build.ts';
import type { RolloutKind } from './rollout-run.ts';

export interface RolloutPlan {
  readonly kind: RolloutKind;
  /** What every slot runs at the end. */
  readonly to: Build;
  /** Slots at the end; at least one while it is proven (spec 40: the validation instance of an on-demand app). */
  readonly slots: number;
  /** `all`: every slot anew. `stale`: those that run another version. `none`: only add or remove (scale). */
  readonly replace: 'all' | 'stale' | 'none';
  readonly stableMs: number;
}

/** An on-demand app is proven with one instance, which then idles out. */
export function slotsFor(instancesWanted: number, running: number): number {
  return instancesWanted === 0 ? Math.max(1, Math.min(running, 1)) : instancesWanted;
}

export function stepsOf(plan: RolloutPlan, slotsNow: number): number {
  return plan.replace === 'none' ? Math.abs(plan.slots - slotsNow) : Math.max(plan.slots, slotsNow);
}

/** What goes into the store: no manifest (the release row has it), no secret. */
export function planRow(plan: RolloutPlan, from: string | null): Record<string, unknown> {
  return {
    kind: plan.kind,
    from,
    to: plan.to.version,
    secrets: plan.to.secrets,
    slots: plan.slots,
    replace: plan.replace,
  };
}
