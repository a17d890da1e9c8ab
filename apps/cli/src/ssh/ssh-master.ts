// The ssh process behind a connection, held so that it outlives no end of ours: a small shell between the two watches
// our end of a pipe, kills ssh when it closes (even by SIGKILL), and removes the sockets. Knows no addresses.
import { spawn } from 'node:child_process';
import { limits } from '../limits.ts';

export interface SshMasterOptions {
  /** For ssh(1). */
  readonly args: readonly string[];
  /** Removed when ssh ended. */
  readonly directory: string;
  readonly env: Readonly<Record<string, string>>;
  /** True keeps ssh from the terminal and its Ctrl-C; false lets it ask for a passphrase. */
  readonly ownSession: boolean;
}

export interface SshMaster extends AsyncDisposable {
  /** What ssh wrote to stderr, the end of it. */
  words(): string;
  /** Resolves at the next words, at the end of ssh, or after `timeoutMs`. */
  nextWords(timeoutMs: number): Promise<void>;
  /** The exit code; null after a signal or when nothing could be started. Never rejects. */
  readonly ended: Promise<number | null>;
  /** Starts the end without waiting for it: the shell sees it through even when this process is gone. */
  closeNow(): void;
}

/**
 * Constant text: everything else comes as arguments. Background commands of a shell without job control ignore SIGINT
 * (POSIX 2.11), so a Ctrl-C on the terminal reaches us and not ssh.
 */
const watchdog = `
trap '' INT
directory=$1; shift
exec 3<&0
"$@" 3<&- </dev/null & ssh=$!
{ read -r _ <&3; kill "$ssh"; } 2>/dev/null & watch=$!
wait "$ssh"; code=$?
kill "$watch" 2>/dev/null
rm -rf -- "$directory"
exit "$code"
`;

export function spawnSshMaster(options: SshMasterOptions): SshMaster {
  const child = spawn('/bin/sh', ['-c', watchdog, 'tako-ssh', options.directory, 'ssh', ...options.args], {
    env: options.env,
    stdio: ['pipe', 'ignore', 'pipe'],
    detached: options.ownSession,
  });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => {
    stderr = (stderr + chunk.toString('utf8')).slice(-limits.sshStderrBytesMax);
  });
  // Writing nothing, we only learn here that the shell went first; `ended` tells the same.
  child.stdin.on('error', () => undefined);
  const ended = new Promise<number | null>((resolve) => {
    child.on('error', () => resolve(null));
    child.on('close', resolve);
  });
  const closeNow = (): void => {
    child.stdin.destroy();
  };
  return {
    words: () => stderr,
    nextWords: async (timeoutMs) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, timeoutMs);
      const heard = (): void => resolve();
      child.stderr.once('data', heard);
      void ended.then(heard);
      await promise;
      clearTimeout(timer);
      child.stderr.off('data', heard);
    },
    ended,
    closeNow,
    [Symbol.asyncDispose]: async () => {
      if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
      closeNow();
      const grace = setTimeout(() => child.kill('SIGKILL'), limits.sshStopGraceMs);
      await ended;
      clearTimeout(grace);
    },
  };
}
