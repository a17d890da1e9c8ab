// The output of an instance until it is in rotation, kept in case it never gets there.
import type { OutputLine } from '@tako/supervisor';
import { startOutputLinesMax } from '../limits.ts';

export interface StartOutput {
  readonly lines: readonly OutputLine[];
  add(line: OutputLine): void;
}

/** The last lines win: the reason of a failed start stands at its end. */
export function createStartOutput(): StartOutput {
  const lines: OutputLine[] = [];
  return {
    lines,
    add(line) {
      lines.push(line);
      if (lines.length > startOutputLinesMax) lines.shift();
    },
  };
}
