// Events for programs: one JSON value a line on stdout for commands that stream, warnings on stderr for the others.
import type { CliEvent } from './events.ts';
import type { Renderer, RendererOptions } from './renderer.types.ts';
import { warningLines } from './wording.ts';

export interface JsonRendererOptions extends RendererOptions {
  /** Whether this command's stdout is, by now, a stream of events with the result as its last line. */
  readonly isStream: () => boolean;
  readonly writeLine: (value: unknown) => void;
}

export function createJsonRenderer(options: JsonRendererOptions): Renderer {
  return {
    handle: (event: CliEvent) => {
      if (event.type === 'terminal.lent' || event.type === 'terminal.returned') return;
      if (options.isStream()) options.writeLine(event);
      else if (event.type === 'warned') {
        for (const line of warningLines(event, options.style)) options.screen.write(`${line}\n`);
      }
    },
    close: () => undefined,
  };
}
