// The user's pager ($PAGER, else less) fed with lines: for long results on a terminal. Begins with the first line, so that
// a password that ssh asks for, or an error before any line, finds the terminal as it is. Knows no content.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { ProcessEnvironment } from '../process-environment.ts';

export interface Pager {
  /** Aborted when the person left it: nobody reads what comes now. */
  readonly left: AbortSignal;
  write(line: string): void;
  /** No more lines; resolves when the person has read them. */
  end(): Promise<void>;
}

/** As git: quit when it fits on one screen, keep colours, leave the text where it is. */
const lessOptions = 'FRX';

/** `onStart`: Ctrl-C belongs to the pager from now on; what it returns is called when the pager has ended. */
export function createPager(environment: ProcessEnvironment, onStart: () => () => void): Pager {
  const left = new AbortController();
  let running: { write: (text: string) => void; end: () => Promise<void> } | null = null;
  const start = (): NonNullable<typeof running> => {
    const { variables } = environment;
    // The user's own words, as in every program that knows $PAGER: "less -S".
    const child = spawn('/bin/sh', ['-c', variables['PAGER'] || 'less'], {
      env: { LESS: lessOptions, ...variables },
      stdio: ['pipe', 'inherit', 'inherit'],
    });
    const giveBack = onStart();
    const ended = once(child, 'close').finally(() => {
      left.abort();
      giveBack();
    });
    // It was left before it had read all of it.
    child.stdin.on('error', () => left.abort());
    return {
      write: (text) => void child.stdin.write(text),
      end: async () => {
        child.stdin.end();
        await ended;
      },
    };
  };
  return {
    left: left.signal,
    write: (line) => {
      if (left.signal.aborted) return;
      running ??= start();
      running.write(`${line}\n`);
    },
    end: async () => {
      await running?.end();
    },
  };
}
