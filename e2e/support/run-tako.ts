// The real `tako` command, in a directory, with an environment of its own and its output kept.
import path from 'node:path';
import { type CapturedProcess, startCaptured } from './captured-process.ts';

const takoPath = path.resolve(import.meta.dirname, '../../bin/tako');
const RUN_TIMEOUT_MS = 120_000;

export interface TakoOptions {
  readonly cwd: string;
  /** `TAKO_HOME`: inventory, keys, caches. Each test its own. */
  readonly home: string;
  /** Added to PATH, HOME, TAKO_HOME and those that keep output plain. */
  readonly env?: Readonly<Record<string, string>>;
  /** Written to stdin; default: stdin is empty. */
  readonly input?: string;
  readonly timeoutMs?: number;
  /** Another build of the command. */
  readonly program?: string;
}

export interface TakoResult {
  readonly stdout: string;
  readonly stderr: string;
  /** Both, in the order in which they came. */
  readonly output: string;
  /** null: ended by a signal. */
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly durationMs: number;
}

/** Never rejects because of the exit code. Rejects, with all output, when it has not ended at the deadline. */
export async function runTako(args: readonly string[], options: TakoOptions): Promise<TakoResult> {
  const startedAt = performance.now();
  const running = await startTako(args, options);
  const timeoutMs = options.timeoutMs ?? RUN_TIMEOUT_MS;
  const timer = setTimeout(() => running.child.kill('SIGKILL'), timeoutMs);
  const exit = await running.closed;
  clearTimeout(timer);
  const durationMs = Math.round(performance.now() - startedAt);
  if (exit.signal === 'SIGKILL' && durationMs >= timeoutMs) {
    throw new Error(`tako ${args.join(' ')} did not end within ${timeoutMs} ms:\n${running.output()}`);
  }
  return {
    stdout: running.stdout(),
    stderr: running.stderr(),
    output: running.output(),
    exitCode: exit.code,
    signal: exit.signal,
    durationMs,
  };
}

/** For what is interrupted, killed or followed: the running command. */
export async function startTako(args: readonly string[], options: TakoOptions): Promise<CapturedProcess> {
  const running = await startCaptured(options.program ?? takoPath, args, {
    cwd: options.cwd,
    stdio: ['pipe', 'pipe', 'pipe'],
    env: takoEnvironment(options),
  });
  // EPIPE: a command that does not read its input may have ended already.
  running.child.stdin?.on('error', () => undefined);
  running.child.stdin?.end(options.input ?? '');
  return running;
}

/** What installs need to reach their registry, as the server passes it on too. */
const PASSED_ON = [
  'PATH',
  'NPM_CONFIG_REGISTRY',
  'npm_config_registry',
  'npm_config_userconfig',
  'NODE_EXTRA_CA_CERTS',
  'TAKO_FROM_SOURCE',
  'TMPDIR',
] as const;

function takoEnvironment(options: TakoOptions): Record<string, string> {
  const passedOn = PASSED_ON.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return {
    ...Object.fromEntries(passedOn),
    HOME: process.env['HOME'] ?? options.home,
    TAKO_HOME: options.home,
    NO_COLOR: '1',
    ...options.env,
  };
}
