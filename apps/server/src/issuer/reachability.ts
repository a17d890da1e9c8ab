// Does a name reach this server? A token of our own is fetched by the name's DNS and HTTP, as a CA would. An answer from
// elsewhere or no DNS record is a no; no connection is not: behind some routers a server cannot reach its own address.
import { randomBytes } from 'node:crypto';
import type { LookupFunction } from 'node:net';
import { errorCode, errorMessage } from '../files/durable-file.ts';
import { headerOf, requestHttp } from './http-request.ts';
import type { HttpAnswer } from './http-request.ts';
import { issuerLimits } from './limits.ts';

export type Reachability =
  | { readonly kind: 'reaches' }
  | { readonly kind: 'elsewhere'; readonly reason: string }
  | { readonly kind: 'unknown'; readonly reason: string };

export interface ReachabilityProbe {
  readonly host: string;
  readonly token: string;
  readonly expected: string;
}

export interface ReachabilityOptions {
  /** Tests: another DNS and another port than 80. */
  readonly lookup?: LookupFunction;
  readonly port?: number;
}

const challengePath = '/.well-known/acme-challenge/';

export function createProbe(host: string): ReachabilityProbe {
  return {
    host,
    token: `tako-${randomBytes(24).toString('base64url')}`,
    expected: randomBytes(24).toString('base64url'),
  };
}

const isMissing = (code: string | undefined): boolean => code === 'ENOTFOUND' || code === 'ENODATA';

/** Follows redirects as CAs do: HTTP(S) on the standard ports, certificates not looked at (RFC 8555 §8.3). */
async function fetchToken(
  probe: ReachabilityProbe,
  options: ReachabilityOptions,
  signal: AbortSignal,
): Promise<HttpAnswer> {
  let url = `http://${probe.host}${challengePath}${probe.token}`;
  for (let hops = 0; ; hops += 1) {
    const answer = await requestHttp({
      url,
      timeoutMs: issuerLimits.reachabilityTimeoutMs,
      bytesMax: issuerLimits.reachabilityBytesMax,
      cutOff: true,
      signal,
      anyCertificate: true,
      ...(options.lookup === undefined ? {} : { lookup: options.lookup }),
      ...(options.port === undefined || !url.startsWith('http:') ? {} : { port: options.port }),
    });
    const location = headerOf(answer, 'location');
    const isRedirect = answer.status >= 300 && answer.status < 400 && location !== null;
    if (!isRedirect || hops >= issuerLimits.reachabilityRedirectsMax || !URL.canParse(location, url))
      return answer;
    url = new URL(location, url).href;
    if (!/^https?:/.test(url)) return answer;
  }
}

/** The probe's token must be served by then. Never rejects. */
export async function checkReachability(
  probe: ReachabilityProbe,
  options: ReachabilityOptions,
  signal: AbortSignal,
): Promise<Reachability> {
  try {
    const answer = await fetchToken(probe, options, signal);
    if (answer.status === 200 && answer.body.trim() === probe.expected) return { kind: 'reaches' };
    return {
      kind: 'elsewhere',
      reason: `${probe.host} is answered by another server (HTTP ${answer.status} instead of our token): do its DNS records point here?`,
    };
  } catch (error) {
    if (isMissing(errorCode(error)))
      return { kind: 'elsewhere', reason: `${probe.host} has no DNS record that leads to an address` };
    return { kind: 'unknown', reason: errorMessage(error) };
  }
}
