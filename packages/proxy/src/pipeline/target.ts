// Host and path of the request, or 400: what could be read in two ways goes no further.
import { normalizeHost } from '../routing/host-name.ts';
import { readRequestPath } from '../routing/request-path.ts';
import type { Exchange } from './exchange.ts';
import type { Pass } from './pass.ts';

export const target: Pass = {
  name: 'target',
  run: (scope) => {
    const { exchange } = scope;
    // RFC 9112 §3.2: 400 without Host or with more than one. HTTP/1.0 knew no Host; it will match no route.
    if (exchange.hostFields > 1) return scope.fail('hostRefused', 'more than one Host');
    if (exchange.hostFields === 0 && exchange.protocol === 'HTTP/1.1')
      return scope.fail('hostRefused', 'no Host');
    const host = hostOf(exchange);
    if (host === null) return scope.fail('hostRefused', 'not a valid host');
    scope.host = host;
    if (exchange.plainPath !== null) {
      scope.path = exchange.plainPath;
      return 'next';
    }
    const path = readRequestPath(exchange.target);
    if (path.kind === 'wrong') return scope.fail('targetRefused', path.reason);
    scope.path = path.path;
    return 'next';
  },
};

/** Requests of one connection mostly name the same host. */
function hostOf({ authority, connection }: Exchange): string | null {
  const { memory } = connection;
  const given = authority ?? '';
  if (memory.authority !== given) {
    memory.host = normalizeHost(given);
    memory.authority = given;
  }
  return memory.host;
}
