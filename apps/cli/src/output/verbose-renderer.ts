// Every event as a line with its time: for people who debug, and for the log of a CI run that failed.
import type { CliEvent } from './events.ts';
import type { Renderer, RendererOptions } from './renderer.types.ts';
import { createTaskViews } from './task-view.ts';
import { formatBytes, formatDuration, sanitizeText } from './text.ts';
import { outcomeWords, warningLines } from './wording.ts';

export function createVerboseRenderer({ screen, style }: RendererOptions): Renderer {
  const views = createTaskViews(1);
  const tenths = new Map<string, number>();
  const progressLine = (event: Extract<CliEvent, { type: 'task.progressed' }>): string[] => {
    const tenth = event.totalBytes === 0 ? 10 : Math.floor((event.doneBytes / event.totalBytes) * 10);
    if (tenths.get(event.task) === tenth) return [];
    tenths.set(event.task, tenth);
    return [
      `${views.path(event.task)}: ${formatBytes(event.doneBytes)} of ${formatBytes(event.totalBytes)} (${tenth * 10} %)`,
    ];
  };
  const linesOf = (event: CliEvent): string[] => {
    switch (event.type) {
      case 'task.started':
        return [`${style.dim('->')} ${views.path(event.task)}`];
      case 'task.noted':
        return [`${views.path(event.task)}: ${sanitizeText(event.note)}`];
      case 'task.progressed':
        return progressLine(event);
      case 'task.printed':
        return [`${views.path(event.task)} ${style.dim(event.stream)} | ${sanitizeText(event.text)}`];
      case 'task.ended': {
        const note = event.note === null ? '' : `: ${sanitizeText(event.note)}`;
        return [
          `${outcomeWords(style)[event.outcome]} ${views.path(event.task)} (${formatDuration(event.durationMs)})${note}`,
        ];
      }
      case 'warned':
        return warningLines(event, style);
      case 'told':
        return [event.message];
      case 'terminal.lent':
      case 'terminal.returned':
        break;
    }
    return [];
  };
  return {
    handle: (event) => {
      views.apply(event);
      const time = new Date(event.at).toISOString().slice(11, 23);
      for (const line of linesOf(event)) screen.write(`${style.dim(time)} ${line}\n`);
    },
    close: () => undefined,
  };
}
