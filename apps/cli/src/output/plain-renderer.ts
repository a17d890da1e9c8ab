// Plain lines for CI and pipes: one line per start and end, the output of steps indented, and a heartbeat when nothing
// was said for a while, so that no CI takes a long build for a hung one.
import { limits } from '../limits.ts';
import type { CliEvent } from './events.ts';
import type { Renderer, RendererOptions } from './renderer.types.ts';
import { createTaskViews, progressText } from './task-view.ts';
import { formatDuration, sanitizeText } from './text.ts';
import { outcomeWords, warningLines } from './wording.ts';

export function createPlainRenderer({ screen, style }: RendererOptions): Renderer {
  const views = createTaskViews(1);
  let heartbeat: NodeJS.Timeout | null = null;
  let lent = false;
  const beat = (): void => {
    const running = views.ordered().filter((view) => view.state === 'running');
    const deepest = running.at(-1);
    if (deepest === undefined || lent) return;
    const { progress } = deepest;
    const bytes = progress === null ? '' : `, ${progressText(progress, Date.now())}`;
    say(
      `... still running: ${views.path(deepest.id)} (${formatDuration(Date.now() - deepest.startedAt)}${bytes})`,
    );
  };
  const restart = (): void => {
    if (heartbeat !== null) clearTimeout(heartbeat);
    heartbeat = setTimeout(() => {
      beat();
      restart();
    }, limits.heartbeatMs);
    heartbeat.unref();
  };
  const say = (line: string): void => screen.write(`${line}\n`);

  function handle(event: CliEvent): void {
    views.apply(event);
    // Of these nothing is said: an upload that moves is as quiet as one that does not.
    const isQuiet = event.type === 'task.progressed' || event.type === 'task.noted';
    if (!isQuiet || heartbeat === null) restart();
    switch (event.type) {
      case 'task.started':
        return say(`${style.dim('->')} ${views.path(event.task)}`);
      case 'task.ended': {
        const note = event.note === null ? '' : `: ${sanitizeText(event.note)}`;
        const word = outcomeWords(style)[event.outcome];
        return say(`${word} ${views.path(event.task)} (${formatDuration(event.durationMs)})${note}`);
      }
      case 'task.printed':
        return say(`   ${style.dim('|')} ${sanitizeText(event.text)}`);
      case 'warned':
        return warningLines(event, style).forEach(say);
      case 'told':
        return say(event.message);
      case 'task.noted':
      case 'task.progressed':
        return;
      case 'terminal.lent':
        lent = true;
        return;
      case 'terminal.returned':
        lent = false;
        return;
    }
  }

  return {
    handle,
    close: () => {
      if (heartbeat !== null) clearTimeout(heartbeat);
      heartbeat = null;
    },
  };
}
