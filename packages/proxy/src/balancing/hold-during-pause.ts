// Holds a request while its deployment is paused: bounded in number and time, then 503.
import type { Verdict } from '../pipeline/pass.ts';
import type { RequestScope } from '../pipeline/request-scope.ts';
import type { Deployment } from '../serving/deployment.ts';
import { heldBytesOf } from './held-bytes.ts';
import type { Waiter } from './waiting-room.ts';

export function holdDuringPause(scope: RequestScope, deployment: Deployment, maxMs: number): Verdict {
  const { limits, clock, waiting } = scope.services;
  const waiter: Waiter = {
    heldBytes: heldBytesOf(scope.exchange, limits.heldBodyBytesMax),
    deadlineMs: clock.now() + maxMs,
    retry: () => {
      if (deployment.traffic.kind === 'paused') return false;
      deployment.waiting.leave(waiter);
      scope.proceed();
      return true;
    },
    fail: (reason) => {
      scope.fail(reason === 'maintenance' || reason === 'stopped' ? reason : 'pausedTooLong');
    },
  };
  const room = { waitersMax: limits.wakingRequestsMax, heldBytesMax: limits.wakingBodyBytesMax };
  if (!deployment.waiting.enter(waiter, room)) return scope.fail('queueFull');
  waiting.attend(deployment);
  scope.abandonHold = () => deployment.waiting.leave(waiter);
  return 'held';
}
