// Problems of a file, as facts and as lines for people, and the one error that reports all of them at once.
import { limits } from './limits.ts';
import { TakoError } from './tako-error.ts';

/** One thing wrong with a file. */
export interface ConfigProblem {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** `envs.production.routes[1]`; empty when the whole file is concerned. */
  readonly key: string;
  readonly found: string;
  readonly allowed: string;
  /** One line for people: `tako.toml:3: instances: found -1; allowed: an integer from 0 to 256`. */
  readonly message: string;
}

export function createProblem(facts: Omit<ConfigProblem, 'message'>): ConfigProblem {
  const { file, line, key, found, allowed } = facts;
  const place = key === '' ? `${file}:${line}` : `${file}:${line}: ${key}`;
  return Object.freeze({ ...facts, message: `${place}: found ${found}; allowed: ${allowed}` });
}

/** A value of a file in a few words. */
export function describeFound(value: unknown): string {
  if (value === undefined || value === null) return 'nothing';
  if (typeof value === 'string') return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : `a list of ${value.length}`;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : 'a table';
}

/** The error that lists every problem, sorted by line; `details.problems` holds them as facts. */
export function problemsError(code: string, file: string, problems: readonly ConfigProblem[]): TakoError {
  const sorted = [...problems].sort((a, b) => a.line - b.line);
  const shown = sorted.slice(0, limits.problemsReportedMax);
  const lines = shown.map((problem) => `  ${problem.message}`);
  if (sorted.length > shown.length) lines.push(`  and ${sorted.length - shown.length} more`);
  const count = sorted.length === 1 ? 'a problem' : `${sorted.length} problems`;
  return new TakoError(code, `${file} has ${count}:\n${lines.join('\n')}`, {
    hint: `Correct ${file}, then run the command again.`,
    details: { problems: shown },
  });
}
