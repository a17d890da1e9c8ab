// How a rollout ended, in a few words beside its row. Pure.
import type { RolloutEnd } from './follow-rollout.ts';

export function describeEnd(end: RolloutEnd): string {
  if (end.type === 'unchanged') return end.reason;
  const parts = [`${end.instances} instance${end.instances === 1 ? '' : 's'}`];
  if (end.endedStreams > 0) parts.push(`${end.endedStreams} streams ended`);
  if (end.cutConnections > 0) parts.push(`${end.cutConnections} connections cut`);
  return parts.join(', ');
}
