// Plain HTTP goes to HTTPS: same host, path and query. 308 for GET and HEAD, 307 for the rest, never stored, so that
// a route may change its mind.
import { isChallengePath } from './challenge.ts';
import type { Pass } from './pass.ts';

export const httpsRedirect: Pass = {
  name: 'HTTPS redirect',
  run: (scope) => {
    const { origin, exchange, deployment, services } = scope;
    if (deployment?.policy.httpsRedirect !== true || origin.proto === 'https' || !origin.protoKnown)
      return 'next';
    if (isChallengePath(scope.path)) return 'next';
    const port = services.httpsPort();
    if (port === null) return 'next';
    const target = exchange.target === '*' ? '/' : exchange.target;
    const location = `https://${scope.host}${port === 443 ? '' : `:${port}`}${target}`;
    return scope.answer({
      status: exchange.method === 'GET' || exchange.method === 'HEAD' ? 308 : 307,
      headers: ['Location', location, 'Cache-Control', 'no-store', 'X-Request-ID', scope.requestId],
      body: '',
      close: false,
    });
  },
};
