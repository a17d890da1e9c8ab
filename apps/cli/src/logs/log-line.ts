// One log entry as a line for people. Pure.
import type { Style } from '../output/style.ts';
import { sanitizeText } from '../output/text.ts';
import type { ServerLogEntry } from './server-log.ts';

export function logLine(style: Style, severalServers: boolean): (entry: ServerLogEntry) => string {
  return (entry) => {
    const time = style.dim(new Date(entry.at).toISOString().replace('T', ' ').slice(0, 23));
    const server = severalServers ? `${style.cyan(`[${entry.server}]`)} ` : '';
    if (entry.type === 'skipped') return `${time} ${server}${style.yellow(skippedWords(entry.lines))}`;
    const text = sanitizeText(entry.text);
    const shown =
      entry.stream === 'stderr' ? style.red(text) : entry.stream === 'tako' ? style.yellow(text) : text;
    return `${time} ${server}${style.dim(entry.instance)} ${shown}`;
  };
}

function skippedWords(lines: number | null): string {
  if (lines === null) return '... lines are missing here: they were rotated away before they could be read';
  return `... ${lines} line${lines === 1 ? '' : 's'} skipped: they came faster than they could be read`;
}
