// What a request with `Host: tako-internal` gets: the status, a refusal, or the app. Pure but for the clock.
import { createHash, timingSafeEqual } from 'node:crypto';
import process from 'node:process';
import { type InstanceContext } from './instance-context.ts';

export const TOKEN_HEADER = 'x-tako-internal-token';
const INTERNAL_HOST = 'tako-internal';
const STATUS_PATH = '/status';

export interface InternalRequest {
  readonly method: string;
  readonly host: string | null;
  /** Path with query, as it came. */
  readonly target: string;
  readonly token: string | null;
}

export type InternalVerdict =
  /** Not for Tako: the app answers. */
  | { readonly kind: 'app' }
  /** Another health path, with the right token: the app answers, the token goes along in the response. */
  | { readonly kind: 'appWithToken'; readonly token: string }
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly headers: Readonly<Record<string, string>>;
      readonly body: string;
    };

export type InternalAnswerer = (request: InternalRequest) => InternalVerdict;

/** Outside Tako every request belongs to the app. */
export function createInternalAnswerer(context: InstanceContext): InternalAnswerer {
  if (!context.isManaged) return () => ({ kind: 'app' });
  const token = context.payload()?.token ?? null;
  return (request) => {
    if (!isInternalHost(request.host)) return { kind: 'app' };
    if (token === null || !isSameToken(token, request.token)) return refusal(403, 'Forbidden');
    if (request.target.split('?', 1)[0] !== STATUS_PATH) return { kind: 'appWithToken', token };
    if (request.method !== 'GET' && request.method !== 'HEAD') return refusal(405, 'Method Not Allowed');
    return statusAnswer(context, token);
  };
}

/** Host names are compared without case and port (facts, bug 2). */
function isInternalHost(host: string | null): boolean {
  return host !== null && host.replace(/:\d*$/, '').toLowerCase() === INTERNAL_HOST;
}

/** Compares digests, so that neither length nor a common beginning shows in the time it takes. */
function isSameToken(expected: string, given: string | null): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return given !== null && timingSafeEqual(digest(expected), digest(given));
}

function statusAnswer(context: InstanceContext, token: string): InternalVerdict {
  const { app, version, instance } = context.environment;
  const document = {
    status: context.phase,
    app,
    version,
    instance,
    pid: process.pid,
    uptime_s: Math.round(process.uptime() * 1000) / 1000,
  };
  return {
    kind: 'answer',
    status: context.phase === 'starting' ? 503 : 200,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store', [TOKEN_HEADER]: token },
    body: `${JSON.stringify(document)}\n`,
  };
}

function refusal(status: number, text: string): InternalVerdict {
  return {
    kind: 'answer',
    status,
    headers: { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' },
    body: `${text}\n`,
  };
}
