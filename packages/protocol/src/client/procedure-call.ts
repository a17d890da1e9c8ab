// One procedure call through tRPC's client: a POST of its own, a deadline for the answer, a stream with back-pressure,
// and every failure as a TakoError. Each call has its own link, so that a stream and its connection know each other.
import { TakoError, isTakoError } from '@tako/config/tako-error';
import { TRPCClientError, TRPCUntypedClient, httpBatchStreamLink } from '@trpc/client';
import type { AnyRouter } from '@trpc/server';
import superjson from 'superjson';
import { clientLimits } from '../limits.ts';
import { linkAbort, type LinkedAbort } from '../linked-abort.ts';
import { fromWireError } from '../wire/error-wire.ts';
import { hasMovedOn } from '../wire/moved-on.ts';
import { gatedStream, readJson } from './answer-body.ts';
import type { CallProcedure, ProcedureCall } from './api.ts';
import { connectionError } from './connection-error.ts';
import { createFlowGate, type FlowGate } from './flow-gate.ts';
import type { Transport } from './transport.ts';

export interface CallerOptions {
  readonly transport: Transport;
  /** Aborts when the client is closed. */
  readonly ended: AbortSignal;
  readonly answerTimeoutMs: number;
  readonly silenceMaxMs: number;
}

/** One call in progress. */
interface Flight {
  readonly call: ProcedureCall;
  readonly transport: Transport;
  readonly silenceMaxMs: number;
  readonly gate: FlowGate;
  /** Follows the client's end and the caller's signal; aborted by us at the deadline, or when a reader leaves. */
  readonly life: LinkedAbort;
  /** Why the connection broke, when it did. */
  failure: unknown;
}

/** A call that the server's successor has to answer is made once more: there. */
export function createCaller(options: CallerOptions): CallProcedure {
  const callOnce = createSingleCaller(options);
  return async function callProcedure(call) {
    const first = await callOnce(call).catch((cause: unknown) => {
      if (hasMovedOn(cause)) return callOnce(call);
      throw cause;
    });
    return isAsyncIterable(first) ? eventsOfWhoeverAnswers(first, () => callOnce(call)) : first;
  };
}

async function* eventsOfWhoeverAnswers(
  first: AsyncIterable<unknown>,
  again: () => Promise<unknown>,
): AsyncGenerator<unknown, void, void> {
  try {
    yield* first;
    return;
  } catch (cause) {
    // Always before the first event: the call had not begun.
    if (!hasMovedOn(cause)) throw cause;
  }
  const second = await again();
  if (isAsyncIterable(second)) yield* second;
}

function createSingleCaller({
  transport,
  ended,
  answerTimeoutMs,
  silenceMaxMs,
}: CallerOptions): CallProcedure {
  return async function callProcedure(call) {
    const life = linkAbort([ended, call.options.signal]);
    life.signal.throwIfAborted();
    const gate = createFlowGate(clientLimits.streamBufferBytesMax);
    life.signal.addEventListener('abort', () => gate.release());
    const flight: Flight = { call, transport, silenceMaxMs, gate, life, failure: null };
    const deadlineMs = call.options.answerTimeoutMs ?? answerTimeoutMs;
    const timer = setTimeout(() => life.abort(late(call.name, deadlineMs)), deadlineMs);
    let streams = false;
    try {
      const answer = await clientOf(flight)[call.kind](call.name, call.input, { signal: life.signal });
      streams = isAsyncIterable(answer);
      return isAsyncIterable(answer) ? eventsOf(answer, flight) : answer;
    } catch (cause) {
      throw translated(cause, flight);
    } finally {
      clearTimeout(timer);
      if (!streams) land(flight);
    }
  };
}

/** POST also for queries: an input may be larger than a request line. */
function clientOf(flight: Flight): Pick<TRPCUntypedClient<AnyRouter>, 'query' | 'mutation'> {
  const link = httpBatchStreamLink<AnyRouter>({
    url: 'http://tako/trpc',
    transformer: superjson,
    maxItems: 1,
    methodOverride: 'POST',
    fetch: (url, init) =>
      send(flight, { url: String(url), body: typeof init?.body === 'string' ? init.body : '' }),
  });
  return new TRPCUntypedClient<AnyRouter>({ links: [link] });
}

/**
 * What tRPC takes for a fetch. It aborts its own signal as soon as it has all it wants, which would close a connection
 * that can be kept; ours aborts only when somebody really leaves.
 */
async function send(flight: Flight, { url, body }: { url: string; body: string }) {
  const { transport, silenceMaxMs, gate, life } = flight;
  const { signal } = life;
  const { pathname, search } = new URL(url);
  const answer = await transport.request({
    method: 'POST',
    path: pathname + search,
    headers: {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      'trpc-accept': 'application/jsonl',
    },
    body,
    signal,
    repeatable: flight.call.kind === 'query',
  });
  const place = { socketPath: transport.socketPath, silenceMaxMs };
  const onFailure = (cause: unknown): void => {
    flight.failure = cause;
  };
  return {
    ok: answer.statusCode === 200,
    json: () => readJson(answer, place),
    get body() {
      return gatedStream(answer, { ...place, gate, signal, onFailure });
    },
  };
}

async function* eventsOf(
  events: AsyncIterable<unknown>,
  flight: Flight,
): AsyncGenerator<unknown, void, void> {
  let over = false;
  try {
    for await (const event of events) {
      flight.gate.taken();
      yield event;
    }
    over = true;
  } catch (cause) {
    throw translated(cause, flight);
  } finally {
    land(flight);
    if (!over) flight.life.abort(new DOMException('the reader left the stream', 'AbortError'));
  }
}

/** Nobody waits any more: the rest of the answer is read and dropped, so that the connection can be kept. */
function land({ gate, life }: Flight): void {
  gate.release();
  life.unlink();
}

/** What tRPC threw, as a TakoError; the reason of the abort, when it was one. */
function translated(thrown: unknown, flight: Flight): unknown {
  const { failure, transport } = flight;
  const { signal } = flight.life;
  const told = toldByServer(thrown);
  if (told !== null) return told;
  if (signal.aborted) return signal.reason;
  if (failure !== null) return connectionError(failure, transport.socketPath);
  return connectionError(
    thrown instanceof TRPCClientError ? (thrown.cause ?? thrown) : thrown,
    transport.socketPath,
  );
}

function toldByServer(thrown: unknown): TakoError | null {
  if (isTakoError(thrown)) return thrown;
  if (!(thrown instanceof TRPCClientError)) return null;
  if (isTakoError(thrown.cause)) return thrown.cause;
  const data: unknown = thrown.data;
  return typeof data === 'object' && data !== null && 'tako' in data ? fromWireError(data.tako) : null;
}

function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
}

function late(name: string, ms: number): TakoError {
  return new TakoError('TIMED_OUT', `the server did not answer ${name} within ${ms / 1000} s`, {
    hint: 'It may still do it: look at tako status before you try again.',
    details: { procedure: name, ms },
  });
}
