// The log of an app over its servers: history, then what comes, merged by time and filtered. Knows no flags and prints
// nothing; one server's stream is server-log.ts.
import { limits } from '../limits.ts';
import type { Task } from '../output/task.ts';
import { errorFacts } from '../output/error-report.ts';
import { onEachServer, throwFailures } from '../servers/outcomes.ts';
import type { ServerSession } from '../servers/session.ts';
import { keepLast } from './keep-last.ts';
import { readServerLog, type ServerLogEntry } from './server-log.ts';
import { createTimeMerge } from './time-merge.ts';

export interface LogsRequest {
  readonly deploymentId: string;
  readonly servers: readonly { readonly name: string }[];
  /** Of history, on each server; with a pattern those that match are counted. */
  readonly lines: number;
  readonly since: number | null;
  readonly follow: boolean;
  /** The kept output of this version's failed start, instead of the app's log. */
  readonly release: string | null;
  readonly pattern: RegExp | null;
}

export interface LogsContext {
  readonly open: (server: { readonly name: string }, signal: AbortSignal) => Promise<ServerSession>;
  readonly signal: AbortSignal;
  readonly task: Task;
  readonly onEntry: (entry: ServerLogEntry) => void;
}

/** Ends with the history, or on abort. Errors: APP_NOT_FOUND, SSH_*, PARTIAL_FAILURE. */
export async function readLogs(request: LogsRequest, context: LogsContext): Promise<void> {
  const { servers, follow } = request;
  const several = servers.length > 1;
  const merge = createTimeMerge<ServerLogEntry>({
    windowMs: several ? limits.logMergeWindowMs : 0,
    onItem: context.onEntry,
  });
  const inHistory = new Set(servers.map(({ name }) => name));
  const historyEnded = (server: string): void => {
    inHistory.delete(server);
    if (inHistory.size === 0) merge.release();
  };
  // A server that hangs must not hold back for long what the others print now.
  const patience = follow ? setTimeout(() => merge.release(), limits.logHistoryHoldMs) : undefined;
  try {
    if (!several) merge.release();
    const outcomes = await onEachServer(servers, async (server) => {
      try {
        await readOne(server, request, { ...context, onEntry: (entry) => merge.push(entry), historyEnded });
      } catch (error) {
        if (follow && several && !context.signal.aborted) warn(context.task, server.name, error);
        throw error;
      } finally {
        historyEnded(server.name);
      }
    });
    if (context.signal.aborted) return;
    throwFailures(outcomes, {
      what: 'reading the logs',
      finish: (failed) => `Leave ${failed.join(', ')} out: name the others with --server`,
    });
  } finally {
    clearTimeout(patience);
    merge.end();
  }
}

async function readOne(
  server: { readonly name: string },
  request: LogsRequest,
  context: LogsContext & { historyEnded: (server: string) => void },
): Promise<void> {
  const { pattern } = request;
  const kept = keepLast<ServerLogEntry>(pattern === null ? Infinity : request.lines, context.onEntry);
  const matches = (entry: ServerLogEntry): boolean =>
    pattern === null || entry.type === 'skipped' || pattern.test(entry.text);
  await readServerLog(
    server,
    { ...request, lines: pattern === null ? request.lines : limits.logLinesMax },
    {
      ...context,
      onEntry: (entry) => {
        if (matches(entry)) kept.push(entry);
      },
      onFollowing: () => {
        kept.release();
        context.historyEnded(server.name);
      },
    },
  ).finally(() => kept.release());
}

function warn(task: Task, server: string, error: unknown): void {
  const { code, message, hint } = errorFacts(error);
  task.warn({ code, message: `${message}; its log is not shown`, hint, server });
}
