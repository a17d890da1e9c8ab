// Reads a TOML text into plain values with lines to point at. Dates become text, since no key of ours is a date.
import { parse, TomlDate, TomlError } from 'smol-toml';
import { createProblem, type ConfigProblem } from './config-problem.ts';
import { limits } from './limits.ts';
import { createTomlLocator, formatTomlPath } from './toml-locator.ts';
import type { TomlPath } from './toml-scanner.ts';

export interface TomlDocument {
  readonly file: string;
  readonly value: Readonly<Record<string, unknown>>;
  readonly problemAt: (path: TomlPath, found: string, allowed: string) => ConfigProblem;
  /** A key's value exactly as written, or null. */
  readonly textOf: (path: TomlPath) => string | null;
}

export type TomlReading =
  | { readonly kind: 'document'; readonly document: TomlDocument }
  | { readonly kind: 'problem'; readonly problem: ConfigProblem };

/** `file` is for messages only. */
export function readTomlDocument(text: string, file: string): TomlReading {
  const refuse = (line: number, found: string, allowed: string): TomlReading => ({
    kind: 'problem',
    problem: createProblem({ file, line, key: '', found, allowed }),
  });
  if (Buffer.byteLength(text) > limits.configFileBytesMax) {
    return refuse(1, `${Buffer.byteLength(text)} bytes`, `at most ${limits.configFileBytesMax}`);
  }
  let parsed: unknown;
  try {
    parsed = parse(text.startsWith('\ufeff') ? text.slice(1) : text);
  } catch (error) {
    const line = error instanceof TomlError ? error.line : 1;
    return refuse(line, reasonOf(error), 'valid TOML (https://toml.io)');
  }
  if (isDeeperThan(parsed, limits.tomlDepthMax)) {
    return refuse(1, `values nested deeper than ${limits.tomlDepthMax} levels`, 'fewer levels');
  }
  const { lineOf, textOf } = createTomlLocator(text);
  const problemAt: TomlDocument['problemAt'] = (path, found, allowed) =>
    createProblem({ file, line: lineOf(path), key: formatTomlPath(path), found, allowed });
  const value: Record<string, unknown> = {};
  // A plain object cannot hold the key as its own; zod would pass it over in silence.
  const forbidden = copyTable(parsed, value, []);
  if (forbidden !== null)
    return { kind: 'problem', problem: problemAt(forbidden, 'the key "__proto__"', 'any other name') };
  return { kind: 'document', document: Object.freeze({ file, value, problemAt, textOf }) };
}

/** Without recursion: this is what protects everything after it from a stack that overflows. */
function isDeeperThan(value: unknown, levels: number): boolean {
  let level: readonly unknown[] = [value];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > levels) return true;
    level = level.flatMap((inner) =>
      typeof inner === 'object' && inner !== null ? Object.values(inner) : [],
    );
  }
  return false;
}

function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const [first = message] = message.replace(/^Invalid TOML document: /, '').split('\n');
  return `a syntax error (${first})`;
}

/** Copies into `target`; returns the path of a key that no plain object can hold, or null. */
function copyTable(source: unknown, target: Record<string, unknown>, path: TomlPath): TomlPath | null {
  if (typeof source !== 'object' || source === null) return null;
  for (const [key, inner] of Object.entries(source)) {
    if (key === '__proto__') return [...path, key];
    const copied = copyValue(inner, [...path, key]);
    if (copied.forbidden !== null) return copied.forbidden;
    target[key] = copied.value;
  }
  return null;
}

function copyValue(value: unknown, path: TomlPath): { value: unknown; forbidden: TomlPath | null } {
  if (value instanceof TomlDate) return { value: value.toISOString(), forbidden: null };
  if (Array.isArray(value)) {
    const copies = value.map((inner: unknown, index) => copyValue(inner, [...path, index]));
    const forbidden = copies.find((copy) => copy.forbidden !== null)?.forbidden ?? null;
    return { value: copies.map((copy) => copy.value), forbidden };
  }
  if (typeof value !== 'object' || value === null) return { value, forbidden: null };
  const target: Record<string, unknown> = {};
  const forbidden = copyTable(value, target, path);
  return { value: target, forbidden };
}
