// Runs a small system program as the daemon itself: no shell, little output, a deadline.
import { execFile } from 'node:child_process';
import { TakoError } from '@tako/config';
import { programLimits } from './limits.ts';

/** What it printed. Rejects with PROGRAM_TIMED_OUT, or with an Error that says how it ended and what it complained of. */
export function runHelper(argv: readonly [string, ...string[]], timeoutMs: number): Promise<string> {
  const [file, ...args] = argv;
  const options = {
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
    env: { LC_ALL: 'C' },
    maxBuffer: 16 * 1024 * 1024,
  } as const;
  return new Promise((resolve, reject) => {
    execFile(file, args, options, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else if (error.killed === true) {
        reject(
          new TakoError('PROGRAM_TIMED_OUT', `\`${file}\` did not end within ${timeoutMs / 1000} s.`, {
            hint: 'The disk is very slow or hangs: look at `dmesg` and `iostat`.',
            details: { program: file },
          }),
        );
      } else {
        const complaint = stderr.trim().slice(0, programLimits.helperOutputCharsMax);
        reject(
          new Error(
            `${file} failed${error.code === undefined || error.code === null ? '' : ` (${error.code})`}: ${complaint}`,
            { cause: error },
          ),
        );
      }
    });
  });
}
