// From a key's path to its line, and to its value as written, in a TOML text.
import { scanToml, type TomlPath } from './toml-scanner.ts';

export interface TomlLocator {
  /** The line (from 1) of a path; of a key that is not there, the line of the nearest table that holds it. */
  readonly lineOf: (path: TomlPath) => number;
  /** The value of a key exactly as it is written; null for what is no key. */
  readonly textOf: (path: TomlPath) => string | null;
}

export function createTomlLocator(text: string): TomlLocator {
  const lines = new Map<string, number>();
  const values = new Map<string, string>();
  for (const entry of scanToml(text)) {
    if (entry.kind === 'pair')
      values.set(JSON.stringify(entry.path), text.slice(entry.valueStart, entry.end));
    // A dotted key or header names tables on the way that have no line of their own.
    for (let length = 1; length <= entry.path.length; length++) {
      const id = JSON.stringify(entry.path.slice(0, length));
      if (!lines.has(id)) lines.set(id, entry.line);
    }
  }
  const lineOf = (path: TomlPath): number => {
    for (let length = path.length; length > 0; length--) {
      const line = lines.get(JSON.stringify(path.slice(0, length)));
      if (line !== undefined) return line;
    }
    return 1;
  };
  return { lineOf, textOf: (path) => values.get(JSON.stringify(path)) ?? null };
}

/** `envs.production.routes[1]`, keys quoted where TOML would quote them. */
export function formatTomlPath(path: TomlPath): string {
  return path
    .map((part, index) => {
      if (typeof part === 'number') return `[${part}]`;
      const name = /^[A-Za-z0-9_-]+$/.test(part) ? part : JSON.stringify(part);
      return index === 0 ? name : `.${name}`;
    })
    .join('');
}
