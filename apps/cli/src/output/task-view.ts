// What the event stream adds up to: the tree of tasks with their state. Pure but for the map it keeps; each renderer
// has its own and draws it in its own way.
import type { CliEvent, TaskOutcome } from './events.ts';
import { formatBytes } from './text.ts';

export interface Progress {
  readonly doneBytes: number;
  readonly totalBytes: number;
  /** Of the first word of it. What was there by then is not of this run: an upload goes on where it was. */
  readonly startedAt: number;
  readonly startedBytes: number;
}

export interface TaskView {
  readonly id: string;
  readonly parent: string | null;
  readonly title: string;
  readonly server: string | null;
  readonly startedAt: number;
  readonly depth: number;
  state: 'running' | TaskOutcome;
  note: string | null;
  durationMs: number | null;
  progress: Progress | null;
  /** The last lines it printed. */
  readonly lines: string[];
}

export interface TaskViews {
  apply(event: CliEvent): void;
  get(id: string): TaskView | undefined;
  /** In the order of the tree: parents before their parts, parts by start. */
  ordered(): TaskView[];
  /** `Deploy web1 > Upload`, from the root down. */
  path(id: string): string;
}

export function createTaskViews(linesKept: number): TaskViews {
  const views = new Map<string, TaskView>();
  const update = (id: string, change: (view: TaskView) => void): void => {
    const view = views.get(id);
    if (view) change(view);
  };
  const start = (event: Extract<CliEvent, { type: 'task.started' }>): void => {
    views.set(event.task, {
      id: event.task,
      parent: event.parent,
      title: event.title,
      server: event.server,
      startedAt: event.at,
      depth: event.parent === null ? 0 : (views.get(event.parent)?.depth ?? -1) + 1,
      state: 'running',
      note: null,
      durationMs: null,
      progress: null,
      lines: [],
    });
  };
  const apply = (event: CliEvent): void => {
    if (event.type === 'task.started') start(event);
    else if (event.type === 'task.noted') update(event.task, (view) => void (view.note = event.note));
    else if (event.type === 'task.progressed') {
      update(event.task, (view) => {
        const { startedAt, startedBytes } = view.progress ?? {
          startedAt: event.at,
          startedBytes: event.doneBytes,
        };
        const { doneBytes, totalBytes } = event;
        view.progress = { doneBytes, totalBytes, startedAt, startedBytes };
      });
    } else if (event.type === 'task.printed') {
      update(event.task, (view) => {
        view.lines.push(event.text);
        if (view.lines.length > linesKept) view.lines.shift();
      });
    } else if (event.type === 'task.ended') {
      update(event.task, (view) => {
        view.state = event.outcome;
        view.durationMs = event.durationMs;
        view.note = event.note;
      });
    }
  };
  const childrenOf = (parent: string | null): TaskView[] =>
    [...views.values()].filter((view) => view.parent === parent);
  const below = (parent: string | null): TaskView[] =>
    childrenOf(parent).flatMap((view) => [view, ...below(view.id)]);
  const path = (id: string): string => {
    const view = views.get(id);
    if (!view) return '';
    const inBrackets = `[${view.server ?? ''}]`;
    const own =
      view.server === null
        ? view.title
        : view.title === view.server
          ? inBrackets
          : `${inBrackets} ${view.title}`;
    return view.parent === null ? own : `${path(view.parent)} > ${own}`;
  };
  return { apply, get: (id) => views.get(id), ordered: () => below(null), path };
}

/** `512 KiB of 3.5 MiB, 40 KiB/s`; without the rate before anything has moved. */
export function progressText(
  { doneBytes, totalBytes, startedAt, startedBytes }: Progress,
  now: number,
): string {
  const seconds = Math.max(0.1, (now - startedAt) / 1000);
  const moved = doneBytes - startedBytes;
  const rate = moved <= 0 ? '' : `, ${formatBytes(moved / seconds)}/s`;
  return `${formatBytes(doneBytes)} of ${formatBytes(totalBytes)}${rate}`;
}
