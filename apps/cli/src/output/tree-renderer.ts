// The task tree redrawn in place: spinner, byte progress with rate, elapsed time, the last lines of running steps.
// Owns the terminal between its first frame and `close`, and gives it back as it was.
import { limits } from '../limits.ts';
import type { CliEvent } from './events.ts';
import type { Renderer, RendererOptions } from './renderer.types.ts';
import type { Style } from './style.ts';
import { createTaskViews, progressText, type TaskView } from './task-view.ts';
import { displayWidth, fitColumns, formatDuration, sanitizeText, wrapColumns } from './text.ts';
import { outcomeMarks, warningLines } from './wording.ts';

const spinner = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
// ECMA-48: cursor up, erase below; DEC private mode 25: the cursor.
const hideCursor = '\u001b[?25l';
const showCursor = '\u001b[?25h';
const eraseAbove = (lines: number): string => (lines === 0 ? '\r' : `\r\u001b[${lines}A\u001b[J`);

export function createTreeRenderer({ screen, style }: RendererOptions): Renderer {
  const views = createTaskViews(limits.treeOutputLines);
  let drawnLines = 0;
  let timer: NodeJS.Timeout | null = null;
  let lent = false;
  let closed = false;

  const frame = (now: number): string[] => {
    const columns = Math.max(20, screen.columns() - 1);
    const lines = openRows(views.ordered()).flatMap((view) => rowsOf(view, { now, columns, style }));
    const room = Math.max(3, Math.min(limits.treeRowsMax, screen.rows() - 1));
    // The end is where things happen.
    return lines.length <= room ? lines : lines.slice(lines.length - room);
  };
  const erase = (): string => {
    const text = drawnLines === 0 ? '' : eraseAbove(drawnLines);
    drawnLines = 0;
    return text;
  };
  const draw = (): void => {
    const lines = frame(Date.now());
    const text = `${erase()}${hideCursor}${lines.map((line) => `${line}\n`).join('')}`;
    drawnLines = lines.length;
    screen.write(text);
  };
  const stop = (): void => {
    if (timer !== null) clearInterval(timer);
    timer = null;
  };
  const start = (): void => {
    if (timer !== null || closed || lent) return;
    timer = setInterval(draw, limits.treeFrameMs);
    timer.unref();
  };
  /** Lines that stay, above the tree. */
  const insert = (lines: readonly string[]): void => {
    const wrapped = lines.flatMap((line) => wrapColumns(line, Math.max(20, screen.columns() - 1), 2));
    screen.write(`${erase()}${wrapped.map((line) => `${line}\n`).join('')}`);
    if (timer !== null) draw();
  };

  function handle(event: CliEvent): void {
    views.apply(event);
    if (event.type === 'warned') insert(warningLines(event, style));
    else if (event.type === 'told') insert([event.message]);
    else if (event.type === 'terminal.lent') {
      stop();
      lent = true;
      screen.write(`${erase()}${showCursor}`);
    } else if (event.type === 'terminal.returned') {
      lent = false;
      start();
    } else if (event.type === 'task.started') {
      start();
      if (!lent && !closed) draw();
    }
  }

  function close(): void {
    if (closed) return;
    closed = true;
    const wasDrawn = timer !== null;
    stop();
    if (wasDrawn && !lent) draw();
    if (wasDrawn || lent) screen.write(showCursor);
  }

  return { handle, close };
}

/**
 * What is done folds into its own row, but for the last phase, which keeps the rows of its servers: so a long deploy stays
 * on the screen, and what is still at work or failed is what is seen.
 */
function openRows(views: readonly TaskView[]): TaskView[] {
  const last = views.findLast((view) => view.depth === 0);
  const folded = new Set<string>();
  return views.filter((view) => {
    const isHidden = view.parent !== null && folded.has(view.parent);
    if (isHidden || (view.state === 'done' && view !== last)) folded.add(view.id);
    return !isHidden;
  });
}

interface Frame {
  readonly now: number;
  readonly columns: number;
  readonly style: Style;
}

function rowsOf(view: TaskView, frame: Frame): string[] {
  const { columns, style } = frame;
  const indent = '  '.repeat(view.depth);
  const running = view.state === 'running';
  const mark = running
    ? style.cyan(spinner[Math.floor(frame.now / limits.treeFrameMs) % spinner.length] ?? '')
    : outcomeMarks(style)[view.state === 'running' ? 'done' : view.state];
  const title =
    view.server === null || view.server === view.title ? view.title : `${view.server}: ${view.title}`;
  const width = columns - indent.length - 2;
  const shownTitle = fitColumns(sanitizeText(title), width);
  const facts = fitFacts(view, frame.now, width - displayWidth(shownTitle) - 2);
  const row = `${indent}${mark} ${shownTitle}${facts === '' ? '' : `  ${style.dim(facts)}`}`;
  const output = running || view.state === 'failed' ? view.lines : [];
  return [
    row,
    ...output.map((line) =>
      style.dim(`${indent}  │ ${fitColumns(sanitizeText(line), Math.max(1, width - 2))}`),
    ),
  ];
}

/** The note, cut where there is no room, and the elapsed time, which is always there. */
function fitFacts(view: TaskView, now: number, columns: number): string {
  const elapsed = formatDuration(view.durationMs ?? Math.max(0, now - view.startedAt));
  const note = [
    view.note === null ? '' : sanitizeText(view.note),
    view.state === 'running' ? progressOf(view, { now, columns }) : '',
  ]
    .filter((part) => part !== '')
    .join(', ');
  const room = columns - displayWidth(elapsed) - 2;
  if (note !== '' && room >= 4) return `${fitColumns(note, room)}, ${elapsed}`;
  return columns >= displayWidth(elapsed) ? elapsed : '';
}

const barColumns = 16;
/** Below this a bar would take the room of the figures. */
const barFrom = 60;

function progressOf({ progress }: TaskView, { now, columns }: { now: number; columns: number }): string {
  if (progress === null) return '';
  const { doneBytes, totalBytes } = progress;
  const filled = totalBytes === 0 ? barColumns : Math.round((doneBytes / totalBytes) * barColumns);
  const bar = columns < barFrom ? '' : `${'━'.repeat(filled)}${'─'.repeat(barColumns - filled)} `;
  return `${bar}${progressText(progress, now)}`;
}
