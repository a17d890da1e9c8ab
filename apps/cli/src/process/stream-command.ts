// Runs a user's command line through the shell in its own process group, giving out its output line by line.
// Ends the whole group on abort or at its deadline; knows nothing of builds.
import { spawn, type ChildProcess } from 'node:child_process';
import { limits } from '../limits.ts';
import { createLineSplitter } from './split-lines.ts';

export interface ShellCommand {
  /** For `sh -c`: the user's own words, from the user's own file. */
  readonly commandLine: string;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly onLine: (stream: 'stdout' | 'stderr', line: string) => void;
}

export interface CommandExit {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly timedOut: boolean;
}

/** An abort rejects with the signal's reason once the group is gone. */
export async function streamCommand(command: ShellCommand): Promise<CommandExit> {
  command.signal.throwIfAborted();
  const deadline = AbortSignal.timeout(command.timeoutMs);
  const signal = AbortSignal.any([command.signal, deadline]);
  const child = spawn('/bin/sh', ['-c', command.commandLine], {
    cwd: command.cwd,
    env: command.env,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const { promise, resolve, reject } = Promise.withResolvers<Omit<CommandExit, 'timedOut'>>();
  for (const stream of ['stdout', 'stderr'] as const) {
    const lines = createLineSplitter((line) => command.onLine(stream, line));
    child[stream].on('data', (chunk: Buffer) => lines.push(chunk));
    child[stream].on('end', () => lines.end());
  }
  let killTimer: NodeJS.Timeout | undefined;
  const stop = (): void => {
    killGroup(child, 'SIGTERM');
    killTimer = setTimeout(() => {
      killGroup(child, 'SIGKILL');
      // A grandchild in its own session may hold the pipes open for ever.
      child.stdout.destroy();
      child.stderr.destroy();
    }, limits.buildStopGraceMs);
  };
  signal.addEventListener('abort', stop, { once: true });
  child.on('error', reject);
  child.on('close', (exitCode, signalName) => resolve({ exitCode, signal: signalName }));
  try {
    const exit = await promise;
    command.signal.throwIfAborted();
    return { ...exit, timedOut: deadline.aborted };
  } finally {
    clearTimeout(killTimer);
    signal.removeEventListener('abort', stop);
  }
}

function killGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // ESRCH: the group ended between the abort and now, which is what was wanted.
  }
}
