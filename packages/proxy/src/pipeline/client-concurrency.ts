// How many requests one client address may have in flight: 429 past it. Here the request takes what it holds until
// its end.
import { RequestGuard } from '../in-flight/request-guard.ts';
import { shareOf } from '../limits.ts';
import type { Pass } from './pass.ts';

export const clientConcurrency: Pass = {
  name: 'per-client concurrency',
  run: (scope) => {
    const { deployment, services, origin } = scope;
    if (deployment === null) throw new Error('No deployment after routing');
    const perClientMax = shareOf(deployment.policy.requestsPerClientMax, services.workers);
    scope.guard = RequestGuard.acquire(services.keepers, {
      deployment,
      client: origin.address,
      perClientMax,
    });
    return scope.guard === null ? scope.fail('tooManyRequests', origin.address) : 'next';
  },
};
