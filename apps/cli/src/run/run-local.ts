// A command of the person's own, on this machine, in their terminal, with the variables of an environment. Its output is
// its own: nothing of it passes through here, and no value is ever in an argument.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import os from 'node:os';
import { TakoError } from '@tako/config';

export interface LocalRun {
  readonly words: readonly [string, ...string[]];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** SIGTERM or SIGHUP to us: passed on. Ctrl-C reaches the command by itself, as of the same process group. */
  readonly signal: AbortSignal;
}

/** The exit code as a shell has it: 128 + n after a signal. Errors: PROGRAM_NOT_FOUND. */
export async function runLocal(run: LocalRun): Promise<number> {
  const [program, ...args] = run.words;
  const child = spawn(program, args, { cwd: run.cwd, env: run.env, stdio: 'inherit' });
  const stop = (): void => void child.kill('SIGTERM');
  run.signal.addEventListener('abort', stop, { once: true });
  try {
    await once(child, 'close');
  } catch (cause) {
    throw new TakoError('PROGRAM_NOT_FOUND', `${program} could not be started: ${reasonOf(cause)}`, {
      hint: 'Check its name and PATH; a shell\'s own words need a shell: tako run -- sh -c "…"',
      cause,
    });
  } finally {
    run.signal.removeEventListener('abort', stop);
  }
  return child.exitCode ?? 128 + (child.signalCode === null ? 0 : os.constants.signals[child.signalCode]);
}

function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  return 'code' in cause && cause.code === 'ENOENT' ? 'there is no such program' : cause.message;
}
