// One server while a command works with it: the connection, the typed client over it, and errors that name the server
// in ssh's words where ssh was the cause.
import { isTakoError, TakoError } from '@tako/config';
import { connect, type ManagementClient } from '@tako/protocol/client';
import { openConnection, type ConnectionContext, type ServerConnection } from '../ssh/connection.ts';
import type { ProgramResult } from '../process/run-program.ts';
import type { ServerAddress } from '../ssh/server-address.ts';

export interface SessionContext extends Omit<ConnectionContext, 'signal'> {
  /** For the server's audit: `anna@laptop`. */
  readonly caller: string;
  /** Called with what ends a connection at once; returns what takes that back. */
  readonly onLeave: (cleanUp: () => void) => () => void;
}

export interface ServerSession extends AsyncDisposable {
  readonly name: string;
  readonly address: ServerAddress;
  /** The client of the present connection: ask for it anew at each use. */
  readonly client: ManagementClient;
  /** Aborted when the present connection ended by itself. */
  readonly lost: AbortSignal;
  /** Replaces a broken connection; whoever asks while it is under way gets the same one. Errors: as `openSession`. */
  reconnect(signal: AbortSignal): Promise<void>;
  /** Runs a program on the server, its words quoted; only where ssh leads. */
  exec(words: readonly string[], timeoutMs: number): Promise<ProgramResult>;
  /** Runs calls to this server; what they throw comes out with the server's name and the real cause. */
  call<T>(work: (client: ManagementClient) => Promise<T>): Promise<T>;
}

/** Errors: SSH_*, SERVER_UNREACHABLE, PROTOCOL_MISMATCH, each naming the server. */
export async function openSession(
  address: ServerAddress,
  context: SessionContext,
  signal: AbortSignal,
): Promise<ServerSession> {
  let link = await openLink(address, context, signal);
  let replacing: Promise<void> | null = null;
  const replace = async (newSignal: AbortSignal): Promise<void> => {
    await link[Symbol.asyncDispose]();
    link = await openLink(address, context, newSignal);
  };
  return {
    name: address.name,
    address,
    get client() {
      return link.client;
    },
    get lost() {
      return link.connection.lost;
    },
    reconnect: (newSignal) =>
      (replacing ??= replace(newSignal).finally(() => {
        replacing = null;
      })),
    exec: (words, timeoutMs) => link.connection.exec(words, timeoutMs),
    call: async (work) => {
      const { client, connection } = link;
      try {
        return await work(client);
      } catch (error) {
        const cause = isConnectionError(error) ? await connection.explain(error) : error;
        throw nameServer(cause, address.name);
      }
    },
    [Symbol.asyncDispose]: () => link[Symbol.asyncDispose](),
  };
}

interface Link extends AsyncDisposable {
  readonly connection: ServerConnection;
  readonly client: ManagementClient;
}

async function openLink(address: ServerAddress, context: SessionContext, signal: AbortSignal): Promise<Link> {
  await using cleanup = new AsyncDisposableStack();
  const connection = cleanup.use(await openConnection(address, { ...context, signal }));
  const forget = context.onLeave(() => connection.closeNow());
  cleanup.defer(forget);
  // The client outlives the signal: after a Ctrl-C it still has to release the lock and revert a rollout.
  const connecting = new AbortController();
  const abort = (): void => connecting.abort(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  const client = cleanup.use(
    await connect({ socketPath: connection.socketPath, caller: context.caller, signal: connecting.signal })
      .catch(async (error: unknown) => {
        throw nameServer(await connection.explain(error), address.name);
      })
      .finally(() => signal.removeEventListener('abort', abort)),
  );
  const kept = cleanup.move();
  return { connection, client, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

const connectionCodes = new Set([
  'SERVER_UNREACHABLE',
  'CONNECTION_LOST',
  'TIMED_OUT',
  'ARTIFACT_INCOMPLETE',
]);

export function isConnectionError(error: unknown): boolean {
  return isTakoError(error) && (connectionCodes.has(error.code) || error.code.startsWith('SSH_'));
}

/** The same error with `details.server`, unless it has one. */
export function nameServer(error: unknown, server: string): unknown {
  if (!isTakoError(error) || 'server' in error.details) return error;
  return new TakoError(error.code, error.message, {
    hint: error.hint ?? undefined,
    details: { ...error.details, server },
    cause: error,
  });
}
