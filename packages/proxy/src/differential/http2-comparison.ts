// When both framers have done the same, and where nghttp2 and we differ, by name and with the reason. RFC 9113 decides.
import type { Step } from './http2-scripts.ts';
import type { Http2Outcome } from './http2-side.ts';

interface Pair {
  readonly script: readonly Step[];
  readonly own: Http2Outcome;
  readonly node: Http2Outcome;
}

const [protocolError, internalError, flowControlError, streamClosed] = [1, 2, 3, 5];

/** Differences that are right, and end all that could be compared. */
const allowed: Readonly<Record<string, (pair: Pair) => boolean>> = {
  // §5.1: a frame on a stream that its client has ended is an error of the stream; nghttp2 ends the connection.
  'STREAM_CLOSED for the connection': ({ node }) => node.goaway === streamClosed,
  // §6.7 knows no error here.
  'a PING answered that was never sent': ({ script, node }) =>
    node.goaway === internalError && has(script, 'PING ack'),
  // §6.1 makes no difference between streams: nghttp2 does not look at the padding of DATA that it ignores.
  'too much padding on a stream that is over': ({ script, own, node }) =>
    own.goaway === protocolError && node.goaway !== protocolError && has(script, 'padding 200'),
  // §6.9, §6.9.1: increments of 0 and windows that overflow are errors of the stream; nghttp2 ends the connection where the
  // stream is reset already.
  'WINDOW_UPDATE of a stream as an error of the connection': ({ script, node }) =>
    [protocolError, flowControlError].includes(node.goaway) && has(script, 'WINDOW_UPDATE'),
  // §6.3; nghttp2 passes it by.
  'PRIORITY of no stream': ({ script, own }) => own.goaway === protocolError && has(script, 'PRIORITY 0'),
  // §6.8 lets a client that goes away finish what it has begun; Node ends the session where nothing is under way.
  'the end at once with GOAWAY of the client': ({ script }) => has(script, 'GOAWAY'),
  'another one of several errors': ({ script, own, node }) =>
    own.goaway > 0 && node.goaway > 0 && script.length > 1,
};

const has = (script: readonly Step[], text: string): boolean =>
  script.some(({ label }) => label.includes(text));

/** Null: whatever else differs is explained by `allowed`, or by an end that both gave the connection. */
export function comparable(pair: Pair): readonly [Http2Outcome, Http2Outcome] | null {
  const { own, node } = pair;
  if (own.goaway > 0 && own.goaway === node.goaway) return null;
  if (Object.values(allowed).some((fits) => fits(pair))) return null;
  const malformed = malformedStreams(pair);
  return [without(own, malformed), without(node, malformed)];
}

const reset = `reset ${protocolError}`;

/** §8.1.1: of malformed requests that both refuse, or that only nghttp2 serves, what is said does not matter. */
function malformedStreams({ script, own, node }: Pair): readonly number[] {
  // §8.2.1: nghttp2 leaves an unsound field out and goes on.
  const unsound = script.flatMap(({ hasUnsoundField: stream }) =>
    stream !== undefined && own.streams[stream] === reset ? [stream] : [],
  );
  // What readers may differ over (lengths, Host) we answer instead; and we answer at once, whatever comes behind.
  const answered = Object.keys(own.streams).filter(
    (stream) => own.streams[stream]?.startsWith(':status: 4') === true && node.streams[stream] === reset,
  );
  return [...unsound, ...answered.map(Number)];
}

function without({ app, streams, goaway }: Http2Outcome, malformed: readonly number[]): Http2Outcome {
  const kept = Object.entries(streams).filter(([stream]) => !malformed.includes(Number(stream)));
  return {
    app: app.filter(({ url }) => !malformed.some((stream) => url === `/s${stream}`)),
    streams: Object.fromEntries(kept.map(([stream, text]) => [stream, kindOf(text)])),
    goaway,
  };
}

/**
 * Of our own pages the status alone: how much of one was sent before its stream was ended is chance. §8.1: what is not read of
 * a request is stopped with NO_ERROR, after the end of the answer; where that has no body Node says CANCEL, or not the end.
 */
function kindOf(text: string): string {
  const page = /:status: (\d+); cache-control: no-store/.exec(text);
  return page === null ? text.replace(/(?: +end)? *(?:reset [08])?$/, '') : `page ${page[1] ?? ''}`;
}
