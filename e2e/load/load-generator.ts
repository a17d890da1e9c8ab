// The load generator of spec 90: keeps N clients of each kind going, checks all they get, and reports. As a library
// it is used by the tests; main.ts makes it a command.
import { type ClientContext } from './client-context.ts';
import { runEventStream } from './clients/event-streams.ts';
import { type SmallOptions, runDownloads, runSmallRequests, runUploads } from './clients/http-clients.ts';
import { runHttp2 } from './clients/http2.ts';
import { runWebSocket } from './clients/web-sockets.ts';
import { STOP_TIMEOUT_MS } from './limits.ts';
import { type Kind, kinds } from './outcome.ts';
import { type Report, Tally } from './tally.ts';
import { type TargetOptions, createTarget } from './target.ts';

export type { FailureReport, KindReport, Report } from './tally.ts';
export type { Kind } from './outcome.ts';

export interface LoadOptions extends TargetOptions {
  /** How many clients of each kind; what is not named has none. */
  readonly clients: Readonly<Partial<Record<Kind, number>>>;
  /** Small requests (fresh, keepAlive and http2 together) after which the run stops by itself; default: none. */
  readonly requests?: number;
  /** Of a small reply. */
  readonly smallBytes?: number;
  /** A small request's client waits this long before the next. */
  readonly thinkMs?: number;
  /** Paths of any app, in turn, for small requests: the body is checked to be whole and not empty. */
  readonly paths?: readonly string[];
  readonly uploadBytes?: number;
  /** How fast an upload is sent; 0: as fast as it goes. */
  readonly uploadBytesPerSecond?: number;
  readonly downloadBytes?: number;
  /** How fast a download is read; 0: as fast as it comes. */
  readonly downloadBytesPerSecond?: number;
  /** Between the messages of a WebSocket, and of the events of a stream. */
  readonly messageIntervalMs?: number;
  /** After stop(), what is under way for longer has failed. */
  readonly stopTimeoutMs?: number;
}

export interface Load extends AsyncDisposable {
  /** The counts so far; what is under way is in `sent` only. */
  report(): Report;
  /** Begins nothing new, waits for what is under way, and resolves with the whole report. May be called again. */
  stop(): Promise<Report>;
  /** Resolves when the run has ended, by stop() or by its number of requests. */
  readonly finished: Promise<Report>;
}

const SMALL_KINDS: readonly Kind[] = ['fresh', 'keepAlive', 'http2'];

export function startLoad(options: LoadOptions): Load {
  const stopping = new AbortController();
  const cutOff = new AbortController();
  const run = createRun(options, stopping.signal, cutOff.signal);
  const small = run.clients.filter(({ kind }) => SMALL_KINDS.includes(kind)).map(({ ended }) => ended);
  let deadline: NodeJS.Timeout | undefined;
  const stop = (): void => {
    if (stopping.signal.aborted) return;
    stopping.abort();
    deadline = setTimeout(() => cutOff.abort(), options.stopTimeoutMs ?? STOP_TIMEOUT_MS);
  };
  if (options.requests !== undefined) Promise.all(small).then(stop, stop);
  const finished = Promise.all(run.clients.map(({ ended }) => ended)).then(
    () => {
      clearTimeout(deadline);
      return run.context.tally.report();
    },
    (error: unknown) => {
      clearTimeout(deadline);
      throw error;
    },
  );
  // Whoever never asks for the end still must not see an unhandled rejection.
  finished.catch(() => undefined);
  const stopAndReport = async (): Promise<Report> => {
    stop();
    return finished;
  };
  return {
    report: () => run.context.tally.report(),
    stop: stopAndReport,
    finished,
    [Symbol.asyncDispose]: async () => void (await stopAndReport()),
  };
}

interface Run {
  readonly context: ClientContext;
  readonly clients: readonly { readonly kind: Kind; readonly ended: Promise<void> }[];
}

function createRun(options: LoadOptions, stopping: AbortSignal, cutOff: AbortSignal): Run {
  let requestsLeft = options.requests ?? Infinity;
  let seed = 0;
  const context: ClientContext = {
    target: createTarget(options),
    tally: new Tally(),
    stopping,
    cutOff,
    takeRequest: () => (requestsLeft -= 1) >= 0,
    nextSeed: () => (seed += 1),
  };
  const clients = kinds.flatMap((kind) =>
    Array.from({ length: options.clients[kind] ?? 0 }, () => ({
      kind,
      ended: runners[kind](context, options),
    })),
  );
  if (clients.length === 0) throw new RangeError('a load without a client');
  return { context, clients };
}

type ClientRunner = (context: ClientContext, options: LoadOptions) => Promise<void>;

const runners: Readonly<Record<Kind, ClientRunner>> = {
  fresh: (context, options) => runSmallRequests(context, 'fresh', smallOptions(options)),
  keepAlive: (context, options) => runSmallRequests(context, 'keepAlive', smallOptions(options)),
  http2: (context, options) => runHttp2(context, smallOptions(options)),
  upload: (context, { uploadBytes = 1024 * 1024, uploadBytesPerSecond = 0 }) =>
    runUploads(context, { bytes: uploadBytes, bytesPerSecond: uploadBytesPerSecond }),
  download: (context, { downloadBytes = 1024 * 1024, downloadBytesPerSecond = 0 }) =>
    runDownloads(context, { bytes: downloadBytes, bytesPerSecond: downloadBytesPerSecond }),
  webSocket: (context, { messageIntervalMs = 200 }) => runWebSocket(context, messageIntervalMs),
  eventStream: (context, { messageIntervalMs = 200 }) => runEventStream(context, messageIntervalMs),
};

function smallOptions({ smallBytes = 200, thinkMs = 0, paths = [] }: LoadOptions): SmallOptions {
  return { bytes: smallBytes, thinkMs, paths };
}
