import { expect, test } from 'vitest';
import { canMove, type InstanceMove, nextState } from './instance-state.ts';
import type { InstanceState } from './instance.types.ts';

const states: readonly InstanceState[] = ['starting', 'ready', 'healthy', 'unhealthy', 'draining', 'stopped'];
const moves: readonly InstanceMove[] = ['becameReady', 'passedProbe', 'failedProbes', 'retired', 'exited'];

const legal: Readonly<Record<string, InstanceState>> = {
  'starting becameReady': 'ready',
  'ready passedProbe': 'healthy',
  'healthy failedProbes': 'unhealthy',
  'unhealthy passedProbe': 'healthy',
  'starting retired': 'draining',
  'ready retired': 'draining',
  'healthy retired': 'draining',
  'unhealthy retired': 'draining',
  'starting exited': 'stopped',
  'ready exited': 'stopped',
  'healthy exited': 'stopped',
  'unhealthy exited': 'stopped',
  'draining exited': 'stopped',
};

const pairs = states.flatMap((state) => moves.map((move) => [state, move] as const));

test.each(pairs)('a move of the table leads on, any other is an assertion failure: %s, %s', (state, move) => {
  const expected = legal[`${state} ${move}`];
  expect(canMove(state, move)).toBe(expected !== undefined);
  if (expected === undefined) expect(() => nextState(state, move)).toThrow('assertion failed');
  else expect(nextState(state, move)).toBe(expected);
});

test('nothing leaves stopped, and only the exit leaves draining', () => {
  expect(moves.filter((move) => canMove('stopped', move))).toEqual([]);
  expect(moves.filter((move) => canMove('draining', move))).toEqual(['exited']);
});
