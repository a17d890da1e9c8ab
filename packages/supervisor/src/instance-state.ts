// The states of an instance and their legal moves, as one pure table. The owner that applies them is
// supervised-instance.ts; nothing here knows of processes or probes.
import type { InstanceState } from './instance.types.ts';

export type InstanceMove =
  /** Said TAKO:READY, or answered HTTP on its port. */
  | 'becameReady'
  | 'passedProbe'
  /** As many failures in a row as take it out of rotation. */
  | 'failedProbes'
  | 'retired'
  | 'exited';

const moves: Readonly<Record<InstanceState, Readonly<Partial<Record<InstanceMove, InstanceState>>>>> = {
  starting: { becameReady: 'ready', retired: 'draining', exited: 'stopped' },
  ready: { passedProbe: 'healthy', retired: 'draining', exited: 'stopped' },
  healthy: { failedProbes: 'unhealthy', retired: 'draining', exited: 'stopped' },
  unhealthy: { passedProbe: 'healthy', retired: 'draining', exited: 'stopped' },
  draining: { exited: 'stopped' },
  stopped: {},
};

/** Whether the table has that move. */
export function canMove(state: InstanceState, move: InstanceMove): boolean {
  return moves[state][move] !== undefined;
}

/** The state after the move. An illegal move is a mistake of this package, so it throws. */
export function nextState(state: InstanceState, move: InstanceMove): InstanceState {
  const next = moves[state][move];
  if (next === undefined)
    throw new Error(`assertion failed: an instance that is ${state} cannot be moved by ${move}`);
  return next;
}
