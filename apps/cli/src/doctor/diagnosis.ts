// What a check found, and how all of it reads. Pure.
import { errorSpec } from '@tako/protocol/errors';
import { errorFacts } from '../output/error-report.ts';
import type { Style } from '../output/style.ts';
import { padColumns, sanitizeText, wrapColumns } from '../output/text.ts';

export interface Finding {
  /** The layer: `config`, `git`, `ssh`, `server`, … */
  readonly layer: string;
  /** What it looked at: a file, a server, a route. */
  readonly subject: string;
  readonly outcome: 'ok' | 'warning' | 'failed' | 'skipped';
  readonly message: string;
  readonly code: string | null;
  readonly hint: string | null;
}

export function found(
  place: { layer: string; subject: string },
  outcome: Finding['outcome'],
  message: string,
  hint: string | null = null,
): Finding {
  return { ...place, outcome, message, code: null, hint };
}

export function foundError(place: { layer: string; subject: string }, error: unknown): Finding {
  const { code, message, hint } = errorFacts(error);
  return { ...place, outcome: 'failed', message, code, hint };
}

/** The exit code of the first failure: the lowest layer that does not hold is the one to repair first. */
export function diagnosisExitCode(findings: readonly Finding[]): number {
  const first = findings.find(({ outcome }) => outcome === 'failed');
  if (first === undefined) return 0;
  return first.code === null ? 1 : (errorSpec(first.code)?.exitCode ?? 1);
}

export interface DiagnosisTextOptions {
  readonly style: Style;
  /** Of the terminal; Infinity where there is none. */
  readonly columns: number;
}

/** What continues a line stands below its words. */
const hang = 9;

export function diagnosisText(
  findings: readonly Finding[],
  { style, columns }: DiagnosisTextOptions,
): string {
  const marks = {
    ok: style.green('ok     '),
    warning: style.yellow('warning'),
    failed: style.red('FAILED '),
    skipped: style.dim('skipped'),
  };
  const lines = findings.flatMap((finding) => [
    `${marks[finding.outcome]}  ${padColumns(finding.layer, 11)} ${finding.subject}: ${sanitizeText(finding.message)}${finding.code === null ? '' : ` (${finding.code})`}`,
    ...(finding.hint === null
      ? []
      : [`${' '.repeat(hang)}${style.cyan('next:')} ${sanitizeText(finding.hint)}`]),
  ]);
  const failed = findings.filter(({ outcome }) => outcome === 'failed');
  const [first] = failed;
  const verdict =
    first === undefined
      ? 'everything that was checked holds'
      : `${failed.length} failed; start with ${first.layer} (${first.subject})`;
  const wrapped = lines.flatMap((line) => wrapColumns(line, columns, line.startsWith(' ') ? 0 : hang));
  return [...wrapped, '', ...wrapColumns(verdict, columns)].join('\n');
}
