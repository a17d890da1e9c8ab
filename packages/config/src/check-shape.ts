// Checks a document against a zod schema and goes on: what is wrong is reported and taken out, so that the rules
// between the remaining keys can report their problems in the same run.
import { z } from 'zod';
import { describeFound, type ConfigProblem } from './config-problem.ts';
import { limits } from './limits.ts';
import { isNear, nearestKey } from './nearest-key.ts';
import type { TomlDocument } from './toml-document.ts';
import type { TomlPath } from './toml-scanner.ts';

export interface ShapeCheck<T> {
  /** What is left after the wrong parts are gone; valid by the schema. */
  readonly value: T;
  readonly problems: readonly ConfigProblem[];
}

/** Says where a key belongs that is known, but not here; null when there is nothing to say. */
export type MisplacedKeyAdvice = (path: TomlPath, key: string) => string | null;

export function checkShape<T>(
  schema: z.ZodType<T>,
  document: TomlDocument,
  advise: MisplacedKeyAdvice,
): ShapeCheck<T> {
  let value: unknown = document.value;
  const first = schema.safeParse(value);
  if (first.success) return { value: first.data, problems: [] };
  const problems = first.error.issues.flatMap((issue) => describeIssue(issue, { schema, document, advise }));
  let issues: readonly z.core.$ZodIssue[] = first.error.issues;
  // Every round takes something out, and an empty table is valid, so this ends.
  for (;;) {
    value = withoutIssues(value, issues);
    const next = schema.safeParse(value);
    if (next.success) return { value: next.data, problems };
    issues = next.error.issues;
  }
}

interface IssueContext {
  readonly schema: z.ZodType;
  readonly document: TomlDocument;
  readonly advise: MisplacedKeyAdvice;
}

function describeIssue(issue: z.core.$ZodIssue, context: IssueContext): readonly ConfigProblem[] {
  const path = tomlPath(issue.path);
  const { document } = context;
  if (issue.code === 'unrecognized_keys') {
    // Only the first ones are shown, so only they deserve the search for a neighbour.
    return issue.keys.map((key, index) => {
      const allowed = index < limits.problemsReportedMax ? adviseOnKey(path, key, context) : 'a known key';
      return document.problemAt([...path, key], 'an unknown key', allowed);
    });
  }
  // The union's own words describe the whole; its branches', one alternative each.
  return [document.problemAt(path, describeFound(valueAt(document.value, path)), issue.message)];
}

function adviseOnKey(path: TomlPath, key: string, context: IssueContext): string {
  const known = knownKeysAt(context.schema, path);
  const nearest = nearestKey(key, known);
  if (nearest !== null && isNear(key, nearest)) return `"${nearest}" (did you mean that?)`;
  const misplaced = context.advise(path, key);
  if (misplaced !== null) return misplaced;
  return nearest === null ? 'no key here' : `the known keys, of which "${nearest}" is the nearest`;
}

/** The keys that the schema lists at a path. */
function knownKeysAt(schema: z.ZodType, path: TomlPath): readonly string[] {
  let inner: z.core.$ZodType | undefined = unwrap(schema);
  for (const part of path) {
    if (inner instanceof z.ZodObject) inner = unwrap(inner.shape[part]);
    else if (inner instanceof z.ZodArray) inner = unwrap(inner.element);
    else if (inner instanceof z.ZodRecord) inner = unwrap(inner.valueType);
    else return [];
  }
  return inner instanceof z.ZodObject ? Object.keys(inner.shape) : [];
}

function unwrap(schema: z.core.$ZodType | undefined): z.core.$ZodType | undefined {
  let inner = schema;
  while (inner instanceof z.ZodExactOptional) inner = inner.unwrap();
  return inner;
}

/** Every path is looked up in the value as it was, before any of them is gone. */
function withoutIssues(value: unknown, issues: readonly z.core.$ZodIssue[]): unknown {
  const wrong = new Map<string, TomlPath>();
  let rest = value;
  for (const issue of issues) {
    const path = tomlPath(issue.path);
    if (issue.code === 'unrecognized_keys') {
      rest = changeTable(rest, path, (table) => omit(table, new Set(issue.keys)));
    } else {
      const part = wrongPart(value, path);
      wrong.set(JSON.stringify(part), part);
    }
  }
  for (const path of wrong.values()) {
    const key = path.at(-1);
    if (key === undefined) return {};
    rest = changeTable(rest, path.slice(0, -1), (table) => omit(table, new Set([String(key)])));
  }
  return rest;
}

/** A missing key, or an element of a list, goes with the whole around it: positions must stay those of the file. */
function wrongPart(value: unknown, path: TomlPath): TomlPath {
  let end = path.length;
  while (end > 0 && (typeof path[end - 1] === 'number' || valueAt(value, path.slice(0, end)) === undefined))
    end--;
  return path.slice(0, end);
}

type Table = Readonly<Record<string, unknown>>;

function omit(table: Table, keys: ReadonlySet<string>): Table {
  return Object.fromEntries(Object.entries(table).filter(([key]) => !keys.has(key)));
}

/** A copy with the table at the path changed; the value itself where there is no such table. */
function changeTable(value: unknown, path: TomlPath, change: (table: Table) => Table): unknown {
  const [head, ...rest] = path;
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) {
    return value.map((inner: unknown, index) => (index === head ? changeTable(inner, rest, change) : inner));
  }
  const table = Object.fromEntries(Object.entries(value));
  if (head === undefined) return change(table);
  return Object.hasOwn(table, head) ? { ...table, [head]: changeTable(table[head], rest, change) } : table;
}

export function valueAt(value: unknown, path: TomlPath): unknown {
  let inner = value;
  for (const part of path) {
    if (typeof inner !== 'object' || inner === null || !Object.hasOwn(inner, part)) return undefined;
    inner = Reflect.get(inner, part);
  }
  return inner;
}

function tomlPath(path: readonly PropertyKey[]): TomlPath {
  return path.map((part) => (typeof part === 'number' ? part : String(part)));
}
