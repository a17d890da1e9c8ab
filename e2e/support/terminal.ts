// A terminal with a program in it, as a person sees it: tmux, its screen as text, its keys. Knows nothing of Tako.
import { execFile } from 'node:child_process';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { until } from './until.ts';

const run = promisify(execFile);
const endPattern = /\[exit (\d+)\]$/m;

export interface TerminalOptions {
  readonly columns: number;
  readonly rows: number;
  readonly cwd: string;
  /** All of the program's environment; values are seen by every process of this machine. */
  readonly env: Readonly<Record<string, string>>;
}

export interface Terminal extends AsyncDisposable {
  /** What is on the screen now, without trailing blanks. */
  screen(): Promise<string>;
  /** Everything that was ever on it, the scrolled-out lines as well. */
  history(): Promise<string>;
  /** Resolves with the screen when it has the pattern; rejects with the screen at the deadline. */
  shows(pattern: RegExp, timeoutMs?: number): Promise<string>;
  /** Text as it is typed, without Enter. */
  type(text: string): Promise<void>;
  /** Keys by their tmux names: Enter, C-c, Down. */
  press(...keys: string[]): Promise<void>;
  resize(columns: number, rows: number): Promise<void>;
  /** Whether the program left the cursor visible. */
  cursorIsShown(): Promise<boolean>;
  /** The program's exit code, which is the last line on the screen then. */
  exited(timeoutMs?: number): Promise<number>;
}

export async function openTerminal(
  words: readonly [string, ...string[]],
  options: TerminalOptions,
): Promise<Terminal> {
  const dir = await fs.mkdtemp(path.join(os.tmpdir(), 'tako-tty-'));
  const socket = path.join(dir, 's');
  const tmux = async (...args: string[]): Promise<string> =>
    (await run('tmux', ['-S', socket, '-f', '/dev/null', ...args], { env: { PATH: process.env['PATH'] } }))
      .stdout;
  const env = Object.entries({ TERM: 'screen-256color', LANG: 'C.UTF-8', ...options.env });
  // A shell stays behind the program, as in a person's terminal: what it left the terminal in is then to be seen.
  const inShell = ['sh', '-c', 'trap : INT; "$@"; echo "[exit $?]"; sleep 600', 'sh', ...words];
  const program = ['env', '-i', ...env.map(([name, value]) => `${name}=${value}`), ...inShell];
  const size = ['-x', String(options.columns), '-y', String(options.rows)];
  await tmux('-u', 'new-session', '-d', '-s', 't', ...size, '-c', options.cwd, ...program);
  const capture = async (...more: string[]): Promise<string> =>
    (await tmux('capture-pane', '-p', '-t', 't', ...more)).trimEnd();
  const shown = async (format: string): Promise<string> =>
    (await tmux('display-message', '-p', '-t', 't', format)).trim();
  return {
    screen: () => capture(),
    history: () => capture('-S', '-'),
    shows: async (pattern, timeoutMs = 20_000) => {
      let last = '';
      const look = async (): Promise<string | null> => {
        last = await capture();
        return pattern.test(last) ? last : null;
      };
      return until(String(pattern), look, timeoutMs, 50).catch((cause: unknown) => {
        throw new Error(`the terminal did not show ${pattern}:\n${last}`, { cause });
      });
    },
    type: async (text) => void (await tmux('send-keys', '-t', 't', '-l', '--', text)),
    press: async (...keys) => void (await tmux('send-keys', '-t', 't', ...keys)),
    resize: async (columns, rows) =>
      void (await tmux('resize-window', '-t', 't', '-x', String(columns), '-y', String(rows))),
    cursorIsShown: async () => (await shown('#{cursor_flag}')) === '1',
    exited: async (timeoutMs = 20_000) => {
      const code = await until(
        'the end of the program',
        async () => endPattern.exec(await capture()),
        timeoutMs,
        50,
      );
      return Number(code[1]);
    },
    [Symbol.asyncDispose]: async () => {
      await tmux('kill-server').catch(() => undefined);
      await fs.rm(dir, { recursive: true, force: true });
    },
  };
}
