// Runs a program to its end and tells what it said. Knows nothing of hosts.
import { execFile } from 'node:child_process';
import { commandTimeoutMs } from './limits.ts';

export interface CommandResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly timeoutMs?: number;
  /** Default: the tests' own. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly input?: string;
  /** Another exit code than 0 is an answer, not a failure. */
  readonly mayFail?: boolean;
}

const outputBytesMax = 64 * 1024 * 1024;

/** Rejects when it cannot start, does not end in time, or ends with another code than 0 (unless `mayFail`). */
export function runCommand(
  argv: readonly [string, ...string[]],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const [file, ...args] = argv;
  const { timeoutMs = commandTimeoutMs, env, input, mayFail = false } = options;
  return new Promise((resolve, reject) => {
    const settings = {
      timeout: timeoutMs,
      killSignal: 'SIGKILL',
      maxBuffer: outputBytesMax,
      ...(env && { env }),
    } as const;
    const child = execFile(file, args, settings, (error, stdout, stderr) => {
      const exitCode = error === null ? 0 : error.code;
      if (typeof exitCode === 'number' && (exitCode === 0 || mayFail)) {
        resolve({ exitCode, stdout, stderr });
        return;
      }
      const how =
        error?.killed === true ? `did not end within ${timeoutMs} ms` : `failed (${String(exitCode)})`;
      reject(new Error(`${argv.join(' ')} ${how}:\n${stdout}${stderr}`, { cause: error }));
    });
    // It may end without reading.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input);
  });
}
