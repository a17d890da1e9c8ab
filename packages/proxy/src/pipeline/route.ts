// Which deployment: by host and path, or 404, on HTTP too. An unknown host is never redirected.
import { internalHost } from '../routing/host-name.ts';
import type { Pass } from './pass.ts';

export const route: Pass = {
  name: 'route',
  run: (scope) => {
    if (scope.host === internalHost) return scope.fail('noRoute', 'internal host from outside');
    scope.deployment = scope.services.state.match(scope.host, scope.path);
    return scope.deployment === null ? scope.fail('noRoute') : 'next';
  },
};
