// Text for a terminal: what came from elsewhere made harmless, widths, cuts. Pure.
import { stripVTControlCharacters } from 'node:util';

/**
 * Foreign output (a build's, an app's) must not move our cursor, retitle the window or answer for the terminal:
 * escape sequences and control characters go, tabs become spaces.
 */
export function sanitizeText(text: string): string {
  const visible = stripVTControlCharacters(text).replaceAll('\t', '    ');
  // A progress bar of a build rewrites its line with CR: only what it ended with is shown.
  const lastRewrite = visible.slice(visible.lastIndexOf('\r') + 1);
  // oxlint-disable-next-line no-control-regex -- control characters are what this is about
  return lastRewrite.replaceAll(/[\u0000-\u001f\u007f-\u009f]/g, '');
}

/** What has one column for each of its characters, as nearly every text has. */
// oxlint-disable-next-line no-control-regex -- all of ASCII
const isAscii = (text: string): boolean => /^[\u0000-\u007f]*$/.test(text);

/** Made when it is first needed: its tables take 15 ms to load, for which no command that shows ASCII shall wait. */
const segmentsOf = ((): ((text: string) => Intl.Segments) => {
  let segmenter: Intl.Segmenter | null = null;
  return (text) => (segmenter ??= new Intl.Segmenter(undefined, { granularity: 'grapheme' })).segment(text);
})();
const wide =
  /^(?:\p{Emoji_Presentation}|[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6])/u;

/** Columns that the text takes (UAX #11, roughly): wide characters and emoji count two, our own colours none. */
export function displayWidth(text: string): number {
  const shown = text.includes('\u001b') ? stripVTControlCharacters(text) : text;
  if (isAscii(shown)) return shown.length;
  let width = 0;
  for (const { segment } of segmentsOf(shown)) width += wide.test(segment) ? 2 : 1;
  return width;
}

/** Cut to `columns`, with an ellipsis where something is missing. */
export function fitColumns(text: string, columns: number): string {
  if (displayWidth(text) <= columns) return text;
  if (columns <= 1) return columns === 1 ? '…' : '';
  if (isAscii(text)) return `${text.slice(0, columns - 1)}…`;
  let width = 0;
  let fitted = '';
  for (const { segment } of segmentsOf(text)) {
    width += wide.test(segment) ? 2 : 1;
    if (width > columns - 1) break;
    fitted += segment;
  }
  return `${fitted}…`;
}

/** Cut at spaces into lines of `columns`; what continues a line is indented as it is, and `hang` more. */
export function wrapColumns(text: string, columns: number, hang = 0): string[] {
  const indent = /^ */.exec(text)?.[0].length ?? 0;
  const lines: string[] = [];
  let line = '';
  for (const word of text.slice(indent).split(' ')) {
    const start = ' '.repeat(lines.length === 0 ? indent : indent + hang);
    if (line === '') line = `${start}${word}`;
    else if (displayWidth(line) + 1 + displayWidth(word) <= columns) line += ` ${word}`;
    else {
      lines.push(line);
      line = `${' '.repeat(indent + hang)}${word}`;
    }
  }
  return [...lines, line];
}

export function padColumns(text: string, columns: number): string {
  return text + ' '.repeat(Math.max(0, columns - displayWidth(text)));
}

/** `850 ms`, `3.2 s`, `2 min 05 s`, `1 h 02 min`, `3 d 4 h`. */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  const two = (n: number): string => String(n).padStart(2, '0');
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${two(seconds % 60)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 24 * 60) return `${Math.floor(minutes / 60)} h ${two(minutes % 60)} min`;
  const hours = Math.round(minutes / 60);
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** Binary units, as file systems and `memory` limits count. */
export function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${Math.round(bytes)} B`;
  const units = ['KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes / 1024;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}
