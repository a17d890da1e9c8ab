// HTTP-01 challenges (RFC 8555 §8.3): answered for their host whatever its routes say. An unknown token is the
// app's affair.
import type { Pass } from './pass.ts';

const challengePrefix = '/.well-known/acme-challenge/';

export const isChallengePath = (path: string): boolean => path.startsWith(challengePrefix);

export const challenge: Pass = {
  name: 'challenge',
  run: (scope) => {
    if (!isChallengePath(scope.path)) return 'next';
    const { method } = scope.exchange;
    if (method !== 'GET' && method !== 'HEAD') return 'next';
    const token = scope.path.slice(challengePrefix.length);
    const keyAuthorization = scope.services.state.keyAuthorization(scope.host, token);
    if (keyAuthorization === undefined) return 'next';
    return scope.answer({
      status: 200,
      headers: ['Content-Type', 'application/octet-stream', 'Cache-Control', 'no-store'],
      body: keyAuthorization,
      close: false,
    });
  },
};
