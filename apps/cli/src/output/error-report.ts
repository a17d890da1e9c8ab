// An error as people and programs get it: what happened, to which thing, the next step, a code to look up (spec 20).
// Stack traces only when asked for. Pure.
import { isTakoError } from '@tako/config/tako-error';
import type { Style } from './style.ts';
import { sanitizeText, wrapColumns } from './text.ts';

export interface ErrorReportOptions {
  readonly style: Style;
  readonly verbose: boolean;
  /** Of the terminal; null: nobody's terminal, lines stay whole. */
  readonly columns: number | null;
}

export interface ErrorFacts {
  readonly code: string;
  readonly message: string;
  readonly hint: string | null;
  readonly details: Readonly<Record<string, unknown>>;
}

export function errorFacts(error: unknown): ErrorFacts {
  if (isTakoError(error)) {
    return { code: error.code, message: error.message, hint: error.hint, details: error.details };
  }
  if (error instanceof Error && (error.name === 'AbortError' || error.name === 'CanceledError')) {
    return { code: 'INTERRUPTED', message: 'interrupted', hint: null, details: {} };
  }
  const message = error instanceof Error ? error.message : String(error);
  return {
    code: 'INTERNAL',
    message: `something went wrong that Tako did not foresee: ${message}`,
    hint: 'Run the command again with --verbose, and report what it prints.',
    details: {},
  };
}

export function errorJson(error: unknown): unknown {
  const { code, message, hint, details } = errorFacts(error);
  return {
    ok: false,
    error: { code, message, hint, ...(Object.keys(details).length === 0 ? {} : { details }) },
  };
}

export function errorLines(error: unknown, options: ErrorReportOptions): string[] {
  const { style, verbose } = options;
  const facts = errorFacts(error);
  const [first = '', ...rest] = facts.message.split('\n').map(sanitizeText);
  const servers = serversOf(facts.details);
  const body =
    servers.length === 0 ? rest : servers.flatMap((server, index) => serverLines(server, servers[index - 1]));
  const wrap = (line: string, hang = 0): string[] =>
    options.columns === null ? [line] : wrapColumns(line, options.columns, hang);
  const labelled = (label: string, paint: (text: string) => string, text: string): string[] => {
    const [head = '', ...tail] = wrap(`${label} ${text}`, label.length + 1);
    return [`${paint(label)}${head.slice(label.length)}`, ...tail];
  };
  const lines = labelled('error:', (text) => style.red(text), first);
  for (const line of [...body, ...evidenceLines(facts.details)]) lines.push(...wrap(line, 2));
  if (facts.hint !== null)
    lines.push(...labelled('next: ', (text) => style.cyan(text), sanitizeText(facts.hint)));
  for (const line of wrap(`code:  ${facts.code}  (tako explain ${facts.code})`, 7))
    lines.push(style.dim(line));
  if (verbose) lines.push(...stackLines(error).map((line) => style.dim(line)));
  return lines;
}

interface ServerFailure {
  readonly server: string;
  readonly code: string;
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
}

/** What several servers said, each with all that it knows. */
function serversOf(details: Readonly<Record<string, unknown>>): ServerFailure[] {
  const { servers } = details;
  if (!Array.isArray(servers)) return [];
  return servers.filter(
    (entry): entry is ServerFailure =>
      typeof entry === 'object' &&
      entry !== null &&
      'server' in entry &&
      'message' in entry &&
      'details' in entry,
  );
}

function serverLines(failure: ServerFailure, before: ServerFailure | undefined): string[] {
  const [said = '', ...rest] = failure.message.split('\n').map(sanitizeText);
  const first =
    typeof failure.details['reason'] === 'string' ? sanitizeText(failure.details['reason']) : said;
  const output = evidenceLines(failure.details);
  const isSame = before !== undefined && evidenceLines(before.details).join('\n') === output.join('\n');
  return [
    `  ${failure.server}: ${first} (${failure.code})`,
    ...rest.map((line) => `  ${line}`),
    ...(isSame && output.length > 0
      ? [`    (the same as on ${before.server})`]
      : output.map((line) => `  ${line}`)),
  ];
}

/** A build's, an app's or release command's last words, where the error carries them. */
function evidenceLines(details: Readonly<Record<string, unknown>>): string[] {
  const { lastLines } = details;
  if (!Array.isArray(lastLines) || lastLines.length === 0) return [];
  return lastLines.map((line) => `    | ${sanitizeText(String(line))}`);
}

function stackLines(error: unknown): string[] {
  if (!(error instanceof Error)) return [];
  const own = (error.stack ?? '').split('\n');
  return error.cause === undefined ? own : [...own, 'caused by:', ...stackLines(error.cause)];
}
