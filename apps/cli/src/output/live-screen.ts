// Text that is redrawn in place on a terminal: cut to its width and height, the cursor given back at the end. Knows no
// content.
import { stripVTControlCharacters } from 'node:util';
import { displayWidth, fitColumns } from './text.ts';

export interface LiveTerminal {
  write(text: string): void;
  columns(): number;
  rows(): number;
}

export interface LiveScreen {
  draw(text: string): void;
  /** The terminal is as it was before, with the last text on it. Idempotent. */
  close(): void;
}

// ECMA-48: cursor home, erase in line and below; DEC private modes 25: the cursor, 1049: the alternate screen, on which a
// terminal that is made narrower breaks no line that was drawn before.
const enter = '\u001b[?1049h\u001b[?25l';
const leave = '\u001b[?25h\u001b[?1049l';
const home = '\u001b[H';
const eraseLineEnd = '\u001b[K';
const eraseBelow = '\u001b[J';

export function createLiveScreen(terminal: LiveTerminal): LiveScreen {
  let last: string | null = null;
  const frame = (text: string): string[] =>
    fitRows(text.split('\n'), Math.max(3, terminal.rows() - 1)).map((line) =>
      fitStyled(line, Math.max(10, terminal.columns())),
    );
  return {
    draw: (text) => {
      // Overwritten line by line, not erased first: that would flicker.
      const body = frame(text)
        .map((line) => `${line}${eraseLineEnd}\n`)
        .join('');
      terminal.write(`${last === null ? enter : ''}${home}${body}${eraseBelow}`);
      last = text;
    },
    close: () => {
      if (last === null) return;
      terminal.write(`${leave}${frame(last).join('\n')}\n`);
      last = null;
    },
  };
}

const widthOf = (line: string): number => displayWidth(stripVTControlCharacters(line));

/** A line that has to be cut loses its colours: they would be cut in their middle. */
export function fitStyled(line: string, columns: number): string {
  return widthOf(line) <= columns ? line : fitColumns(stripVTControlCharacters(line), columns);
}

function fitRows(lines: readonly string[], rows: number): readonly string[] {
  if (lines.length <= rows) return lines;
  const hidden = lines.length - (rows - 1);
  return [...lines.slice(0, rows - 1), `... ${hidden} more lines: make the terminal higher`];
}
