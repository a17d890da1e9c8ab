// Asks a CA when a certificate should be renewed (RFC 9773 §4). Unauthenticated; times are reckoned by the CA's own clock.
import { rootCertificates } from 'node:tls';
import { parseJson } from './dns/api-call.ts';
import { headerOf, requestHttp } from './http-request.ts';
import type { HttpAnswer } from './http-request.ts';
import { issuerLimits } from './limits.ts';
import { parseRenewalInformation } from './renewal-information.ts';
import type { RenewalWindow } from './renewal-information.ts';
import { parseRetryAfter } from './retry-after.ts';

export type AriAnswer =
  | { readonly kind: 'window'; readonly window: RenewalWindow; readonly retryAfterMs: number | null }
  /** The CA has no such service. */
  | { readonly kind: 'none' }
  | { readonly kind: 'failed'; readonly reason: string; readonly retryAfterMs: number | null };

export interface AriClientOptions {
  readonly extraRoots: string | null;
  readonly nowMs: () => number;
}

export class AriClient {
  readonly #options: AriClientOptions;

  constructor(options: AriClientOptions) {
    this.#options = options;
  }

  /** Rejects with network errors. */
  async ask(directory: string, ariId: string, signal: AbortSignal): Promise<AriAnswer> {
    const { nowMs } = this.#options;
    const entries = parseJson((await this.#get(directory, signal)).body);
    const base =
      typeof entries === 'object' && entries !== null && 'renewalInfo' in entries
        ? entries.renewalInfo
        : null;
    if (typeof base !== 'string' || !URL.canParse(base)) return { kind: 'none' };
    const answer = await this.#get(`${base.replace(/\/$/, '')}/${ariId}`, signal);
    const retryAfterMs = parseRetryAfter(headerOf(answer, 'retry-after'), nowMs());
    if (answer.status !== 200) return { kind: 'failed', reason: `HTTP ${answer.status}`, retryAfterMs };
    const window = parseRenewalInformation(parseJson(answer.body));
    if (window === null) return { kind: 'failed', reason: 'not an answer of RFC 9773', retryAfterMs };
    // What the window means is how long from now: a clock of ours that is wrong must not turn it into "at once".
    const theirs = Date.parse(headerOf(answer, 'date') ?? '');
    const ahead = Number.isNaN(theirs) ? 0 : nowMs() - theirs;
    const shift = Math.abs(ahead) > issuerLimits.clockSkewMs ? ahead : 0;
    return {
      kind: 'window',
      window: { ...window, start: window.start + shift, end: window.end + shift },
      retryAfterMs,
    };
  }

  #get(url: string, signal: AbortSignal): Promise<HttpAnswer> {
    const { extraRoots } = this.#options;
    return requestHttp({
      url,
      signal,
      timeoutMs: issuerLimits.requestTimeoutMs,
      bytesMax: issuerLimits.responseBytesMax,
      ...(extraRoots === null ? {} : { ca: [...rootCertificates, extraRoots] }),
    });
  }
}
