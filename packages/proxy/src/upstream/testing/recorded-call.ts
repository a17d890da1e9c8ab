// Test support: sends one request through the client and records everything the listener is told.
import type {
  RawHeaders,
  UpstreamCall,
  UpstreamClient,
  UpstreamFailure,
  UpstreamRequest,
  UpstreamResponseHead,
  UpstreamTarget,
} from '../upstream.types.ts';

export interface Recorded {
  readonly events: readonly string[];
  readonly informational: readonly number[];
  readonly head: UpstreamResponseHead | null;
  readonly body: string;
  readonly bodyBytes: number;
  readonly trailers: RawHeaders;
  readonly failure: UpstreamFailure | null;
}

export interface RecordedCall {
  readonly call: UpstreamCall;
  /** Settles at `end` or `fail`. */
  readonly done: Promise<Recorded>;
  /** Settles at the first event of that name. */
  readonly event: (name: string) => Promise<void>;
  readonly eventsSoFar: () => readonly string[];
}

export interface RecordedOptions extends Partial<UpstreamRequest> {
  readonly onReady?: (call: UpstreamCall) => void;
  readonly onDrain?: (call: UpstreamCall) => void;
  readonly onHead?: (call: UpstreamCall) => void;
  readonly onData?: (call: UpstreamCall, chunk: Buffer) => void;
}

const requestDefaults: UpstreamRequest = {
  method: 'GET',
  target: '/',
  headers: ['Host', 'app.test'],
  body: { kind: 'none' },
  replayable: true,
  connectTimeoutMs: 5_000,
  headTimeoutMs: 5_000,
  bodyIdleTimeoutMs: 5_000,
};

/** A POST that may not be repeated, whose body is these chunks. */
export const postOf = (...chunks: string[]): RecordedOptions => ({
  method: 'POST',
  replayable: false,
  body: { kind: 'chunked' },
  onReady: (call) => {
    for (const chunk of chunks) call.write(Buffer.from(chunk));
    call.end();
  },
});

export function sendRecorded(
  client: UpstreamClient,
  target: UpstreamTarget,
  options: RecordedOptions = {},
): RecordedCall {
  const { onReady, onDrain, onHead, onData, ...changes } = options;
  const events: string[] = [];
  const informational: number[] = [];
  const waiting = new Map<string, (() => void)[]>();
  let head: UpstreamResponseHead | null = null;
  let body = '';
  let bodyBytes = 0;
  const { promise: done, resolve } = Promise.withResolvers<Recorded>();
  const note = (event: string): void => {
    events.push(event);
    for (const wake of waiting.get(event) ?? []) wake();
    waiting.delete(event);
  };
  const finish = (trailers: RawHeaders, failure: UpstreamFailure | null): void => {
    resolve({ events, informational, head, body, bodyBytes, trailers, failure });
  };
  const call = client.request(
    target,
    { ...requestDefaults, ...changes },
    {
      ready: () => {
        note('ready');
        onReady?.(call);
      },
      informational: (status) => {
        note('informational');
        informational.push(status);
      },
      head: (received) => {
        head = received;
        note('head');
        onHead?.(call);
      },
      data: (chunk) => {
        bodyBytes += chunk.length;
        if (bodyBytes <= 1_000_000) body += chunk.toString('latin1');
        note('data');
        onData?.(call, chunk);
      },
      end: (trailers) => {
        note('end');
        finish(trailers, null);
      },
      fail: (failure) => {
        note('fail');
        finish([], failure);
      },
      drain: () => {
        note('drain');
        onDrain?.(call);
      },
    },
  );
  return {
    call,
    done,
    event: (name) =>
      events.includes(name)
        ? Promise.resolve()
        : new Promise<void>((wake) => waiting.set(name, [...(waiting.get(name) ?? []), wake])),
    eventsSoFar: () => events,
  };
}
