// The clients that send requests over HTTP/1.1: on new connections, on one kept alive, uploads, slow downloads.
import { checkPattern, checkWhole } from '../body-check.ts';
import { type ClientContext, repeatUnits } from '../client-context.ts';
import { type ExchangeSpec, exchange } from '../http-exchange.ts';
import { REQUEST_TIMEOUT_MS } from '../limits.ts';
import { createAgent } from '../target.ts';

export interface SmallOptions {
  readonly bytes: number;
  readonly thinkMs: number;
  /** Of any app, in turn, instead of the load app's `/small`. */
  readonly paths: readonly string[];
}

/** One client that asks for small replies, one after the other. */
export async function runSmallRequests(
  context: ClientContext,
  kind: 'fresh' | 'keepAlive',
  options: SmallOptions,
): Promise<void> {
  const agent = createAgent(context.target, kind === 'keepAlive');
  await repeatUnits(context, kind, {
    mayBegin: () => context.takeRequest(),
    thinkMs: options.thinkMs,
    unit: () =>
      exchange(context.target, agent, { ...smallRequest(context, options), silenceMs: REQUEST_TIMEOUT_MS }),
  });
  agent.destroy();
}

export function smallRequest(
  context: ClientContext,
  options: SmallOptions,
): Pick<ExchangeSpec, 'path' | 'check' | 'signal'> {
  const seed = context.nextSeed();
  const path = options.paths[seed % options.paths.length];
  if (path === undefined) {
    return {
      path: `/small?seed=${seed}&bytes=${options.bytes}`,
      check: () => checkPattern(seed, options.bytes),
      signal: context.cutOff,
    };
  }
  const check: ExchangeSpec['check'] = (headers) =>
    checkWhole(typeof headers['x-content-sha256'] === 'string' ? headers['x-content-sha256'] : null);
  return { path, check, signal: context.cutOff };
}

export interface TransferOptions {
  readonly bytes: number;
  /** 0: no limit. */
  readonly bytesPerSecond: number;
}

/** One client that uploads, again and again; every other upload is chunked. */
export async function runUploads(context: ClientContext, options: TransferOptions): Promise<void> {
  const agent = createAgent(context.target, true);
  await repeatUnits(context, 'upload', {
    unit: () => {
      const seed = context.nextSeed();
      const upload = { seed, chunked: seed % 2 === 1, ...options };
      return exchange(context.target, agent, {
        path: '/echo',
        upload,
        check: () => checkWhole(null),
        signal: context.cutOff,
      });
    },
  });
  agent.destroy();
}

/** One client that downloads, no faster than `bytesPerSecond`. */
export async function runDownloads(context: ClientContext, options: TransferOptions): Promise<void> {
  const agent = createAgent(context.target, false);
  const { bytes, bytesPerSecond } = options;
  await repeatUnits(context, 'download', {
    unit: () => {
      const seed = context.nextSeed();
      const path = `/download?seed=${seed}&bytes=${bytes}`;
      return exchange(context.target, agent, {
        path,
        check: () => checkPattern(seed, bytes),
        bytesPerSecond,
        signal: context.cutOff,
      });
    },
  });
  agent.destroy();
}
