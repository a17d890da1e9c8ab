// Cookie affinity: a client comes back to its instance while that one is healthy. The cookie says a digest, so that
// instance ids stay inside.
import { createHash } from 'node:crypto';
import type { Instance } from '../serving/instance.ts';

const cookieName = 'tako_affinity';

export const affinityToken = (instanceId: string): string =>
  createHash('sha256').update(instanceId).digest('base64url').slice(0, 16);

/** The token that the client sent, or null. */
export function readAffinityToken(cookieHeader: string | undefined): string | null {
  if (cookieHeader === undefined) return null;
  for (const pair of cookieHeader.split(';')) {
    const equals = pair.indexOf('=');
    if (equals !== -1 && pair.slice(0, equals).trim() === cookieName) return pair.slice(equals + 1).trim();
  }
  return null;
}

export const findByToken = (pool: readonly Instance[], token: string): Instance | null =>
  pool.find((instance) => affinityToken(instance.id) === token) ?? null;

/** A session cookie for the whole host (RFC 6265bis). */
export const affinityCookie = (instance: Instance, secure: boolean): string =>
  `${cookieName}=${affinityToken(instance.id)}; Path=/; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}`;
