// What the operator wants for this deployment: serving, stopped, under maintenance, or paused (held, up to a bound).
import { holdDuringPause } from '../balancing/hold-during-pause.ts';
import type { Pass } from './pass.ts';

export const traffic: Pass = {
  name: 'maintenance or pause',
  run: (scope) => {
    const { deployment } = scope;
    if (deployment === null) throw new Error('No deployment after routing');
    const { kind } = deployment.traffic;
    if (kind === 'stopped' || kind === 'maintenance') return scope.fail(kind);
    return deployment.traffic.kind === 'paused'
      ? holdDuringPause(scope, deployment, deployment.traffic.maxMs)
      : 'next';
  },
};
