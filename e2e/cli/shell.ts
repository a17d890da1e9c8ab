// A shell in a terminal, with `tako` in its PATH: for what a person types one after the other.
import path from 'node:path';
import { type Terminal, openTerminal } from '../support/terminal.ts';

const bin = path.resolve(import.meta.dirname, '../../bin');

export interface ShellOptions {
  readonly columns: number;
  readonly rows: number;
  readonly cwd: string;
  readonly takoHome: string;
}

export interface Shell extends Terminal {
  /** Types a line, and Enter. */
  enter(line: string): Promise<void>;
}

export async function openShell(options: ShellOptions): Promise<Shell> {
  const { columns, rows, cwd, takoHome } = options;
  const env = {
    PATH: `${bin}:${process.env['PATH'] ?? ''}`,
    HOME: takoHome,
    TAKO_HOME: takoHome,
    PS1: '$ ',
  };
  const terminal = await openTerminal(['/bin/sh', '-i'], { columns, rows, cwd, env });
  await terminal.shows(/\$/);
  return {
    ...terminal,
    enter: async (line) => {
      await terminal.type(line);
      await terminal.press('Enter');
    },
  };
}
