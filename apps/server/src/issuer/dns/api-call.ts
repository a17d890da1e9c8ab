// One call of a provider's HTTP API, its refusals as sentences that never hold a credential.
import { headerOf, requestHttp } from '../http-request.ts';
import type { HttpAnswer } from '../http-request.ts';
import { issuerLimits } from '../limits.ts';

export interface ApiCall {
  readonly provider: string;
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal: AbortSignal;
  /** What the answer says about an error. */
  readonly explain: (body: string) => string;
  /** Statuses that are an answer, too. */
  readonly alsoOk?: readonly number[];
}

export async function callApi(call: ApiCall): Promise<HttpAnswer> {
  const { provider, method, url, headers, body, signal } = call;
  const answer = await requestHttp({
    url,
    method,
    headers,
    signal,
    timeoutMs: issuerLimits.dnsRequestTimeoutMs,
    bytesMax: issuerLimits.dnsResponseBytesMax,
    ...(body === undefined ? {} : { body }),
  });
  if (answer.status < 300 || call.alsoOk?.includes(answer.status) === true) return answer;
  const retryAfter = headerOf(answer, 'retry-after');
  const reason = call.explain(answer.body) || 'no reason given';
  const wait = retryAfter === null ? '' : `, retry after ${retryAfter}`;
  throw new Error(
    `${provider} answered ${answer.status} to ${method} ${new URL(url).pathname}: ${reason}${wait}`,
  );
}

/** undefined for what is no JSON. */
export function parseJson(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return value;
  } catch {
    // An error page of a proxy in front of the API: there is nothing to read in it.
    return undefined;
  }
}
