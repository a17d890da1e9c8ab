// The output of one command: which rendering it gets, the result on stdout, everything else on stderr (spec 20).
// Knows no command.
import type { ProcessEnvironment } from '../process-environment.ts';
import { errorJson, errorLines } from './error-report.ts';
import type { CliEvent, EventSink } from './events.ts';
import { createJsonRenderer } from './json-renderer.ts';
import { createPlainRenderer } from './plain-renderer.ts';
import type { LiveTerminal } from './live-screen.ts';
import type { Renderer, Screen } from './renderer.types.ts';
import { colorStyle, plainStyle, type Style } from './style.ts';
import { wrapColumns } from './text.ts';
import { createTreeRenderer } from './tree-renderer.ts';
import { createVerboseRenderer } from './verbose-renderer.ts';

export interface OutputFlags {
  readonly json: boolean;
  readonly verbose: boolean;
  readonly ci: boolean;
  readonly noColor: boolean;
}

export interface OutputStreams {
  writeStdout(text: string): void;
  writeStderr(text: string): void;
  columns(): number;
  rows(): number;
}

export interface Output {
  readonly json: boolean;
  /** Whether a person can be asked. */
  readonly interactive: boolean;
  readonly style: Style;
  /** Colours of stdout, which may go elsewhere than stderr. */
  readonly stdoutStyle: Style;
  readonly emit: EventSink;
  /** Makes stdout a stream: events as lines under --json, the result as the last one. */
  openStream(): void;
  /** The result: text for people, a value for `--json`. An empty text prints nothing. */
  result(text: string, value: unknown): void;
  /** A line of the result, now: for commands that follow something. */
  line(text: string, value: unknown): void;
  /** Stdout as a terminal, for what is redrawn in place; only where it is one. */
  readonly terminal: LiveTerminal;
  /** Of stdout as a terminal; Infinity where it is none. */
  columns(): number;
  /** For people only, on stderr. */
  say(text: string): void;
  error(error: unknown): void;
  close(): void;
}

export function createOutput(
  flags: OutputFlags,
  environment: ProcessEnvironment,
  streams: OutputStreams,
): Output {
  const ci = flags.ci || environment.ci || !environment.stdinIsTty || !environment.stderrIsTty;
  const colorOf = (isTty: boolean): Style => {
    if (flags.noColor || flags.json || environment.noColor) return plainStyle;
    if (environment.forceColor) return colorStyle;
    return isTty && !ci ? colorStyle : plainStyle;
  };
  const style = colorOf(environment.stderrIsTty);
  const onTerminal = !ci && environment.stderrIsTty;
  const columns = (): number | null => (onTerminal ? Math.max(20, streams.columns()) : null);
  const screen: Screen = {
    write: (text) => streams.writeStderr(text),
    columns: () => streams.columns(),
    rows: () => streams.rows(),
  };
  const writeLine = (value: unknown): void => streams.writeStdout(`${JSON.stringify(value)}\n`);
  let streaming = false;
  let renderer: Renderer | null = null;
  const choose = (): Renderer => {
    if (flags.json) return createJsonRenderer({ screen, style, isStream: () => streaming, writeLine });
    if (flags.verbose) return createVerboseRenderer({ screen, style });
    return ci ? createPlainRenderer({ screen, style }) : createTreeRenderer({ screen, style });
  };
  const emit: EventSink = (event) => {
    renderer ??= choose();
    const timed: CliEvent = { ...event, at: Date.now() };
    renderer.handle(timed);
  };
  const close = (): void => {
    renderer?.close();
    renderer = null;
  };
  return {
    json: flags.json,
    interactive: !ci && !flags.json,
    style,
    stdoutStyle: colorOf(environment.stdoutIsTty),
    emit,
    terminal: {
      write: (text) => streams.writeStdout(text),
      columns: () => streams.columns(),
      rows: () => streams.rows(),
    },
    columns: () => (environment.stdoutIsTty ? Math.max(20, streams.columns()) : Infinity),
    openStream: () => {
      streaming = true;
    },
    result: (text, value) => {
      close();
      if (flags.json) writeLine(value);
      else if (text !== '') streams.writeStdout(`${text}\n`);
    },
    line: (text, value) => {
      if (flags.json) writeLine(value);
      else streams.writeStdout(`${text}\n`);
    },
    say: (text) => {
      // What was drawn so far stays above; what comes next is drawn anew below.
      close();
      if (flags.json) return;
      const width = columns();
      const lines = text.split('\n');
      const shown = width === null ? lines : lines.flatMap((line) => wrapColumns(line, width, 2));
      streams.writeStderr(`${shown.join('\n')}\n`);
    },
    error: (error) => {
      close();
      if (flags.json) writeLine(errorJson(error));
      else
        streams.writeStderr(
          `${errorLines(error, { style, verbose: flags.verbose, columns: columns() }).join('\n')}\n`,
        );
    },
    close,
  };
}
