// A request of the fast lane on its way to an app that speaks HTTP/2: as lists, by way of policy. What the lane reads
// into its own buffer is copied, since a stream may have to wait for its window.
import type { UpstreamBody, UpstreamCall, RawHeaders } from '../../upstream/index.ts';
import type { ForwardInput } from '../../pipeline/exchange.ts';

export interface ListForwardInput {
  readonly request: ForwardInput;
  readonly method: string;
  readonly target: string;
  readonly headers: RawHeaders;
  readonly body: UpstreamBody;
}

export function forwardAsList({ request, ...message }: ListForwardInput): UpstreamCall {
  const call = request.upstream.request(request.target, { ...request, ...message }, request.listener);
  return {
    write: (chunk) => call.write(Buffer.from(chunk)),
    end: (trailers) => call.end(trailers),
    pause: () => call.pause(),
    resume: () => call.resume(),
    setIdleTimeout: (milliseconds) => call.setIdleTimeout(milliseconds),
    abort: () => call.abort(),
  };
}
