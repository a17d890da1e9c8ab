// Going back to an earlier release, on every server: shared by `rollback` and `releases rollback`. Knows no flags.
import type { RolloutEnd } from './follow-rollout.ts';
import type { AppChange, ServerEnd } from './change-app.ts';
import type { AppTarget } from '../app/target.ts';
import { describeEnd } from './describe-end.ts';

/** `version` null: the previous good one, as each server knows it. */
export function rollbackChange(target: AppTarget, version: string | null): Omit<AppChange, 'target'> {
  return {
    title: version === null ? 'Roll back' : `Roll back to ${version}`,
    command: version === null ? 'rollback' : `rollback ${version}`,
    open: ({ client }, { token }, call) =>
      client.api.rollback.mutate(
        { deploymentId: target.deploymentId, token, ...(version === null ? {} : { version }) },
        call,
      ),
    describe: (end: RolloutEnd) =>
      end.type === 'deployed' ? `${end.version ?? ''}, ${describeEnd(end)}` : describeEnd(end),
  };
}

export function rollbackSentence(target: AppTarget, ends: readonly ServerEnd[]): string {
  const versions = new Set(
    ends
      .map(({ end }) => (end.type === 'deployed' ? end.version : null))
      .filter((version) => version !== null),
  );
  return `${target.deploymentId} serves ${[...versions].join(', ') || 'what it served before'}`;
}
