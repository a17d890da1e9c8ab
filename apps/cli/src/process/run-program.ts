// Runs a short program to its end and collects what it wrote. No shell; knows nothing of what is run.
import { spawn } from 'node:child_process';
import { TakoError } from '@tako/config';

export interface ProgramRun {
  readonly argv: readonly [string, ...string[]];
  readonly cwd?: string;
  readonly env: Readonly<Record<string, string>>;
  readonly input?: string;
  readonly timeoutMs: number;
  readonly outputBytesMax: number;
  readonly signal?: AbortSignal | undefined;
}

export interface ProgramResult {
  /** null when a signal ended it. */
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Resolves with whatever exit code came. Errors: PROGRAM_NOT_FOUND, PROGRAM_TIMED_OUT, PROGRAM_OUTPUT_TOO_LARGE; an
 * abort rejects with the signal's reason.
 */
export async function runProgram(run: ProgramRun): Promise<ProgramResult> {
  run.signal?.throwIfAborted();
  const deadline = AbortSignal.timeout(run.timeoutMs);
  const signal = run.signal ? AbortSignal.any([run.signal, deadline]) : deadline;
  const [program, ...args] = run.argv;
  const child = spawn(program, args, { cwd: run.cwd, env: run.env, stdio: ['pipe', 'pipe', 'pipe'] });
  const { promise, resolve, reject } = Promise.withResolvers<ProgramResult>();
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  let bytes = 0;
  const collect = (into: Buffer[]) => (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > run.outputBytesMax) {
      child.kill('SIGKILL');
      reject(
        new TakoError('PROGRAM_OUTPUT_TOO_LARGE', `${program} wrote more than ${run.outputBytesMax} bytes`),
      );
      return;
    }
    into.push(chunk);
  };
  child.stdout.on('data', collect(stdout));
  child.stderr.on('data', collect(stderr));
  // A program that does not read its input closes it early; its exit code tells the rest.
  child.stdin.on('error', () => undefined);
  child.stdin.end(run.input ?? '');
  const stop = (): void => {
    child.kill('SIGKILL');
    reject(abortReason(run, program, deadline));
  };
  signal.addEventListener('abort', stop, { once: true });
  child.on('error', (cause) => reject(notStarted(program, cause)));
  child.on('close', (exitCode, signalName) =>
    resolve({
      exitCode,
      signal: signalName,
      stdout: Buffer.concat(stdout).toString('utf8'),
      stderr: Buffer.concat(stderr).toString('utf8'),
    }),
  );
  try {
    return await promise;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

function abortReason(run: ProgramRun, program: string, deadline: AbortSignal): unknown {
  if (run.signal?.aborted) return run.signal.reason;
  if (!deadline.aborted) return new Error('not aborted');
  return new TakoError('PROGRAM_TIMED_OUT', `${program} did not end within ${run.timeoutMs / 1000} s`);
}

function notStarted(program: string, cause: Error): TakoError {
  const missing = 'code' in cause && cause.code === 'ENOENT';
  return new TakoError(
    'PROGRAM_NOT_FOUND',
    missing ? `${program} is not installed` : `${program} could not be started: ${cause.message}`,
    {
      hint: `Install ${program}, or put it into PATH.`,
      cause,
    },
  );
}
