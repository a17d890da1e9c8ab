// What every renderer of the event stream is, and what it may write to.
import type { CliEvent } from './events.ts';
import type { Style } from './style.ts';

export interface Renderer {
  handle(event: CliEvent): void;
  /** Draws what is still to be drawn and leaves the terminal as it was. Safe to call twice. */
  close(): void;
}

/** stderr as renderers see it. */
export interface Screen {
  write(text: string): void;
  columns(): number;
  rows(): number;
}

export interface RendererOptions {
  readonly screen: Screen;
  readonly style: Style;
}
