// One server's log stream, which outlives a reload of the server, a crash of it and a broken connection: each event says
// where in the log it stands, and the next stream begins behind the last one. No line twice, none lost. Knows no other
// server.
import { setTimeout as delay } from 'node:timers/promises';
import { isTakoError } from '@tako/config';
import type { LogEvent } from '@tako/protocol';
import { limits } from '../limits.ts';
import type { Task } from '../output/task.ts';
import { isConnectionError, type ServerSession } from '../servers/session.ts';

export type ServerLogEntry =
  | (Extract<LogEvent, { type: 'entry' }> & { readonly server: string })
  | (Extract<LogEvent, { type: 'skipped' }> & { readonly server: string; readonly at: number });

export interface ServerLogRequest {
  readonly deploymentId: string;
  readonly lines: number;
  readonly since: number | null;
  readonly follow: boolean;
  /** The kept output of this version's failed start, instead of the app's log. */
  readonly release: string | null;
}

export interface ServerLogContext {
  readonly open: (server: { readonly name: string }, signal: AbortSignal) => Promise<ServerSession>;
  readonly signal: AbortSignal;
  readonly task: Task;
  readonly onEntry: (entry: ServerLogEntry) => void;
  /** The history is over. */
  readonly onFollowing: () => void;
}

/** Where the reading stands; null before the first event. */
interface Place {
  position: number | null;
  at: number;
}

/** Ends with the history, or on abort. Errors: APP_NOT_FOUND, SSH_*, what a connection says that stays broken. */
export async function readServerLog(
  server: { readonly name: string },
  request: ServerLogRequest,
  context: ServerLogContext,
): Promise<void> {
  const { signal } = context;
  const place: Place = { position: null, at: Date.now() };
  await using session = await context.open(server, signal);
  for (let failures = 0; !signal.aborted;) {
    const before = place.position;
    try {
      // Of ssh alone: a local socket is simply tried again.
      if (session.lost.aborted) await session.reconnect(signal);
      await readStream(session, request, { ...context, place });
      if (!request.follow) return;
      // A server that reloads or stops ends its streams in order.
      failures = place.position === before ? failures + 1 : 0;
    } catch (error) {
      if (signal.aborted) return;
      failures = place.position === before ? failures + 1 : 1;
      const isWorth =
        place.position !== null && request.release === null && failures <= limits.logReconnectsMax;
      if (!isWorth || !mayComeBack(error)) throw error;
      if (failures === 1)
        context.task.warn({
          code: 'CONNECTION_LOST',
          message: 'the log stream broke; connecting again',
          server: server.name,
        });
    }
    const pauseMs = limits.rejoinDelayMs * 2 ** Math.min(Math.max(0, failures - 1), 5);
    await delay(pauseMs, undefined, { signal }).catch(() => undefined);
  }
}

function mayComeBack(error: unknown): boolean {
  return isConnectionError(error) || (isTakoError(error) && error.code === 'SERVER_STOPPING');
}

async function readStream(
  session: ServerSession,
  request: ServerLogRequest,
  context: ServerLogContext & { place: Place },
): Promise<void> {
  const { place, signal } = context;
  const { deploymentId, follow, release } = request;
  const from =
    place.position !== null
      ? { after: place.position }
      : { lines: request.lines, ...(request.since === null ? {} : { since: request.since }) };
  await session.call(async ({ api }) => {
    const events =
      release === null
        ? await api.logs.query({ deploymentId, follow, ...from }, { signal })
        : await api.release_log.query({ deploymentId, version: release }, { signal });
    for await (const event of events) {
      place.position = event.position;
      if (event.type === 'following') context.onFollowing();
      else if (event.type === 'skipped') context.onEntry({ ...event, server: session.name, at: place.at });
      else {
        place.at = event.at;
        context.onEntry({ ...event, server: session.name });
      }
    }
  });
}
