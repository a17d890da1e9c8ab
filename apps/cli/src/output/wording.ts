// Words and marks that the renderers share. Pure.
import type { CliEvent, TaskOutcome } from './events.ts';
import type { Style } from './style.ts';

export function outcomeWords(style: Style): Readonly<Record<TaskOutcome, string>> {
  return {
    done: style.green('ok'),
    failed: style.red('FAILED'),
    skipped: style.dim('--'),
    canceled: style.yellow('canceled'),
  };
}

export function outcomeMarks(style: Style): Readonly<Record<TaskOutcome, string>> {
  return {
    done: style.green('✓'),
    failed: style.red('✗'),
    skipped: style.dim('–'),
    canceled: style.yellow('○'),
  };
}

export function warningLines(event: Extract<CliEvent, { type: 'warned' }>, style: Style): string[] {
  const where = event.server === null ? '' : `[${event.server}] `;
  const first = `${style.yellow('warning:')} ${where}${event.message} (${event.code})`;
  return event.hint === null ? [first] : [first, `         ${event.hint}`];
}
