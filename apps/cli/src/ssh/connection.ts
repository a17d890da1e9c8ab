// One connection to a server: a path to its management socket, which is local or forwarded by the system's ssh
// (spec 20, reaching a server). Knows nothing of what is spoken over it.
import { existsSync, watch } from 'node:fs';
import path from 'node:path';
import { TakoError } from '@tako/config';
import { limits } from '../limits.ts';
import { runProgram, type ProgramResult } from '../process/run-program.ts';
import type { ServerAddress } from './server-address.ts';
import { execArguments, masterArguments, type SshOptions } from './ssh-arguments.ts';
import { createSshError, isForwardRefusal } from './ssh-error.ts';
import { openSocketDirectory, type SocketDirectory } from './socket-directory.ts';
import { spawnSshMaster, type SshMaster } from './ssh-master.ts';

export interface ConnectionContext {
  readonly env: Readonly<Record<string, string>>;
  readonly sshConfigFile: string | null;
  readonly tempDirectories: readonly string[];
  /** Whether a person may be asked by ssh itself, on the terminal. */
  readonly interactive: boolean;
  readonly signal: AbortSignal;
  /** Called around the time in which ssh may use the terminal. */
  readonly lendTerminal?: ((work: () => Promise<void>) => Promise<void>) | undefined;
}

export interface ServerConnection extends AsyncDisposable {
  readonly address: ServerAddress;
  readonly socketPath: string;
  /** Aborted, with the reason as a TakoError, when the connection ends by itself. */
  readonly lost: AbortSignal;
  /** What went wrong with a call over the socket, in ssh's words, when ssh had something to do with it. */
  explain(error: unknown): Promise<unknown>;
  /** Runs a program on the server, its words quoted; only for servers reached by ssh. */
  exec(words: readonly string[], timeoutMs?: number): Promise<ProgramResult>;
  /** For exits that cannot wait. */
  closeNow(): void;
}

/** Errors: SSH_*, SERVER_UNREACHABLE for a local socket that is not there. */
export async function openConnection(
  address: ServerAddress,
  context: ConnectionContext,
): Promise<ServerConnection> {
  context.signal.throwIfAborted();
  return address.kind === 'local' ? openLocal(address) : openSsh(address, context);
}

function openLocal(address: Extract<ServerAddress, { kind: 'local' }>): ServerConnection {
  if (!existsSync(address.socketPath)) {
    throw new TakoError(
      'SERVER_UNREACHABLE',
      `the server ${address.name} has no socket at ${address.socketPath}`,
      {
        hint: 'Start tako-server, or correct the path: tako servers ls',
        details: { server: address.name },
      },
    );
  }
  return {
    address,
    socketPath: address.socketPath,
    lost: new AbortController().signal,
    explain: async (error) => error,
    exec: async () => {
      throw new TakoError('INTERNAL', `${address.name} is not reached by ssh`);
    },
    closeNow: () => undefined,
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

type SshAddress = Extract<ServerAddress, { kind: 'ssh' }>;

async function openSsh(address: SshAddress, context: ConnectionContext): Promise<ServerConnection> {
  try {
    return await startMaster(address, context, true);
  } catch (error) {
    // Keys that need a passphrase, a PIN or a password: once more, with a person at the terminal.
    if (!context.interactive || !(error instanceof TakoError) || error.code !== 'SSH_AUTH_FAILED')
      throw error;
    let connection: ServerConnection | undefined;
    const lend = context.lendTerminal ?? ((work) => work());
    await lend(async () => {
      connection = await startMaster(address, context, false);
    });
    if (connection === undefined) throw error;
    return connection;
  }
}

async function startMaster(
  address: SshAddress,
  context: ConnectionContext,
  batchMode: boolean,
): Promise<ServerConnection> {
  await using cleanup = new AsyncDisposableStack();
  const sockets = cleanup.use(await openSocketDirectory(context.tempDirectories));
  const options: SshOptions = {
    controlPath: sockets.controlSocket,
    batchMode,
    configFile: context.sshConfigFile,
  };
  const master = cleanup.use(
    spawnSshMaster({
      args: masterArguments(address, options, sockets.managementSocket),
      directory: sockets.directory,
      env: context.env,
      ownSession: batchMode,
    }),
  );
  await waitUntilForwarded(address, master, sockets, context.signal);
  const kept = cleanup.move();
  return createConnection({ address, context, options, sockets, master, close: () => kept.disposeAsync() });
}

/**
 * ssh opens its forwards after it has authenticated, and its control socket after those, by link(2) of one that already
 * listens (mux.c, muxserver_listen): its appearance is the readiness. The forward's own file appears before it listens.
 */
async function waitUntilForwarded(
  address: SshAddress,
  master: SshMaster,
  sockets: SocketDirectory,
  signal: AbortSignal,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const check = (): void => {
    if (existsSync(sockets.controlSocket)) resolve();
  };
  const watcher = watch(path.dirname(sockets.managementSocket), check);
  const deadline = setTimeout(
    () =>
      reject(
        new TakoError(
          'TIMED_OUT',
          `ssh to ${address.name} did not get ready within ${limits.sshReadyTimeoutMs / 1000} s`,
          {
            hint: `Check that this works: ssh ${address.user}@${address.host}`,
            details: { server: address.name },
          },
        ),
      ),
    limits.sshReadyTimeoutMs,
  );
  const abort = (): void => reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  void master.ended.then((exitCode) => reject(masterFailed(address, master, exitCode)));
  try {
    check();
    await promise;
  } finally {
    watcher.close();
    clearTimeout(deadline);
    signal.removeEventListener('abort', abort);
  }
}

/** sh(1): 127 is "command not found". */
function masterFailed(address: SshAddress, master: SshMaster, exitCode: number | null): TakoError {
  if (exitCode !== 127) return createSshError(address, master.words());
  return new TakoError('SSH_NOT_INSTALLED', 'there is no ssh on this machine', {
    hint: 'Install the OpenSSH client (Debian: apt install openssh-client).',
  });
}

interface ConnectionParts {
  readonly address: SshAddress;
  readonly context: ConnectionContext;
  readonly options: SshOptions;
  readonly sockets: SocketDirectory;
  readonly master: SshMaster;
  readonly close: () => Promise<void>;
}

function createConnection(parts: ConnectionParts): ServerConnection {
  const { address, context, master, sockets } = parts;
  const lost = new AbortController();
  let closing = false;
  void master.ended.then(() => {
    if (!closing) lost.abort(createSshError(address, master.words(), 'SSH_CONNECTION_LOST'));
  });
  return {
    address,
    socketPath: sockets.managementSocket,
    lost: lost.signal,
    explain: async (error) => {
      // ssh accepts the connect itself; that the server's socket refused it, it says in words a moment later.
      if (!lost.signal.aborted && !isForwardRefusal(master.words()))
        await master.nextWords(limits.sshWordsWaitMs);
      if (lost.signal.aborted) return lost.signal.reason;
      return isForwardRefusal(master.words()) ? createSshError(address, master.words()) : error;
    },
    exec: (words, timeoutMs = limits.sshExecTimeoutMs) =>
      runProgram({
        argv: ['ssh', ...execArguments(address, { ...parts.options, batchMode: true }, words)],
        env: context.env,
        timeoutMs,
        outputBytesMax: limits.sshExecOutputBytesMax,
        signal: context.signal,
      }),
    closeNow: () => {
      closing = true;
      master.closeNow();
      sockets.removeNow();
    },
    [Symbol.asyncDispose]: async () => {
      closing = true;
      await parts.close();
    },
  };
}
