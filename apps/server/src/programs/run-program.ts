// Runs one program of a release to its end: own process group, clean environment, nothing inherited, a deadline, its
// output line by line. Knows nothing of what it is for.
import { type ChildProcess, spawn } from 'node:child_process';
import { Socket } from 'node:net';
import type { RunAs } from '@tako/supervisor';
import { errorCode } from '../files/durable-file.ts';
import { launchAsUser } from './launch-as-user.ts';
import { programLimits } from './limits.ts';
import { LineCutter } from './line-cutter.ts';
import type { ProgramLine } from './line-queue.ts';

/** In the environment of every program: its working directory, by which a later daemon knows it for its own. */
export const programMark = 'TAKO_PROGRAM';

export interface ProgramSpec {
  /** The program by its absolute path. */
  readonly argv: readonly [string, ...string[]];
  readonly cwd: string;
  /** The complete environment, but for the mark. */
  readonly environment: Readonly<Record<string, string>>;
  /** null: the daemon is not root and cannot switch users. */
  readonly runAs: RunAs | null;
  /** Written to fd 3, once; without it there is no fd 3. */
  readonly payload?: string | undefined;
  readonly timeoutMs: number;
}

export interface ProgramExit {
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly timedOut: boolean;
}

/** Every process of its group: what it started ends with it. */
function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch (error) {
    // Nobody is left, which is what was wanted; EPERM: only members that became another user are.
    if (errorCode(error) !== 'ESRCH' && errorCode(error) !== 'EPERM') throw error;
  }
}

function start({ argv, cwd, environment, runAs, payload }: ProgramSpec): ChildProcess {
  const launch = launchAsUser({ argv, environment }, runAs, process.geteuid?.() ?? 0);
  const [file, ...args] = launch.argv;
  const child = spawn(file, args, {
    cwd,
    // Node copies NODE_V8_COVERAGE of the daemon into every child unless the key is present.
    env: {
      ...launch.environment,
      [programMark]: cwd,
      NODE_V8_COVERAGE: launch.environment['NODE_V8_COVERAGE'],
    },
    stdio: ['ignore', 'pipe', 'pipe', ...(payload === undefined ? [] : ['pipe' as const])],
    detached: true,
  });
  const line = child.stdio[3];
  if (payload !== undefined && line instanceof Socket) {
    // A program that does not read it, or closes it early, is free to.
    line.on('error', () => line.destroy());
    line.resume();
    line.end(payload);
  }
  return child;
}

function readLines(child: ChildProcess, onLine: (line: ProgramLine) => void): () => void {
  const cutters = (['stdout', 'stderr'] as const).map((stream) => {
    const cutter = new LineCutter((text) => onLine({ stream, text }));
    child[stream]?.on('data', (chunk: Buffer) => cutter.push(chunk));
    return cutter;
  });
  return () => {
    for (const cutter of cutters) cutter.end();
  };
}

/** Resolves when output and process are over; SIGTERM at the deadline or the signal, SIGKILL after the grace. */
function untilClosed(child: ChildProcess, timeoutMs: number, signal: AbortSignal): Promise<ProgramExit> {
  return new Promise((resolve, reject) => {
    let timedOut = false;
    const timers: NodeJS.Timeout[] = [];
    const terminate = (): void => {
      signalGroup(child, 'SIGTERM');
      timers.push(setTimeout(() => signalGroup(child, 'SIGKILL'), programLimits.graceMs));
    };
    const finish = (settle: () => void): void => {
      for (const timer of timers) clearTimeout(timer);
      signal.removeEventListener('abort', terminate);
      settle();
    };
    timers.push(
      setTimeout(() => {
        timedOut = true;
        terminate();
      }, timeoutMs),
    );
    child.once('error', (error) => finish(() => reject(error)));
    child.once('exit', () => {
      // The number cannot have been given to another group while this one has members (credentials(7)).
      signalGroup(child, 'SIGKILL');
      timers.push(
        setTimeout(() => {
          child.stdout?.destroy();
          child.stderr?.destroy();
        }, programLimits.outputDrainMs),
      );
    });
    child.once('close', (exitCode, ended) => finish(() => resolve({ exitCode, signal: ended, timedOut })));
    if (signal.aborted) terminate();
    else signal.addEventListener('abort', terminate, { once: true });
  });
}

/**
 * Rejects with the signal's reason when aborted (the program is gone then, too), with APP_USER_INVALID, and with the
 * spawn's error. Any exit is an answer.
 */
export async function runProgram(
  spec: ProgramSpec,
  signal: AbortSignal,
  onLine: (line: ProgramLine) => void,
): Promise<ProgramExit> {
  signal.throwIfAborted();
  const child = start(spec);
  const flush = readLines(child, onLine);
  const exit = await untilClosed(child, spec.timeoutMs, signal);
  flush();
  signal.throwIfAborted();
  return exit;
}
