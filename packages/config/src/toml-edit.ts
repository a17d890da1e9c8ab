// Changes single keys and tables of a TOML text and leaves everything else, comments above all, as it is. The text is
// valid TOML; the result is parsed again before it is given out, so a wrong edit cannot reach a file.
import { isDeepStrictEqual } from 'node:util';
import { parse } from 'smol-toml';
import { valueAt } from './check-shape.ts';
import { scanToml, type TomlEntry, type TomlPath } from './toml-scanner.ts';
import { formatTomlKey, formatTomlValue, type TomlValue } from './toml-text.ts';

/** Sets `key` of the table at `table`, which is made when it is not there. */
export function setTomlKey(text: string, at: { table: TomlPath; key: string }, value: TomlValue): string {
  const path = [...at.table, at.key];
  const written = formatTomlValue(value);
  const edited = placeKey(text, at, written);
  if (!isDeepStrictEqual(valueAt(parse(edited), path), parse(`value = ${written}`)['value'])) {
    throw new Error(`the edit of ${JSON.stringify(path)} did not take`);
  }
  return edited;
}

/** Takes a key out with its line; nothing happens when it is not there. */
export function removeTomlKey(text: string, at: { table: TomlPath; key: string }): string {
  const entries = scanToml(text);
  const pair = findEntry(entries, [...at.table, at.key]);
  if (pair?.kind !== 'pair') return text;
  const edited = inlineParentOf(entries, pair) === null ? withoutLines(text, pair) : withoutItem(text, pair);
  if (valueAt(parse(edited), pair.path) !== undefined)
    throw new Error(`${JSON.stringify(pair.path)} is still there`);
  return edited;
}

/** Appends `[[name]]` with its keys; into the list where the file has it inline. */
export function appendTomlTable(
  text: string,
  name: string,
  values: Readonly<Record<string, TomlValue>>,
): string {
  const pairs = Object.entries(values).map(
    ([key, value]) => `${formatTomlKey(key)} = ${formatTomlValue(value)}`,
  );
  const list = scanToml(text).find(
    (entry) => entry.kind === 'pair' && entry.path.length === 1 && entry.path[0] === name,
  );
  const edited =
    list === undefined
      ? appendBlock(text, [`[[${formatTomlKey(name)}]]`, ...pairs])
      : insertItem(text, list, `{ ${pairs.join(', ')} }`);
  parse(edited);
  return edited;
}

/** Takes one `[[name]]` out, with the comment lines that stand directly above it. */
export function removeTomlTable(text: string, name: string, index: number): string {
  const entries = scanToml(text);
  const item = findEntry(entries, [name, index]);
  if (item === undefined) return text;
  if (item.kind === 'element') return withoutItem(text, item);
  const next = entries.find(
    (entry) => isHeader(entry) && entry.start > item.start && !isBelow(entry.path, item.path),
  );
  const edited =
    text.slice(0, blockStart(text, item.start)) +
    (next === undefined ? '' : text.slice(blockStart(text, next.start)));
  parse(edited);
  return edited;
}

function placeKey(text: string, at: { table: TomlPath; key: string }, written: string): string {
  const entries = scanToml(text);
  const existing = findEntry(entries, [...at.table, at.key]);
  if (existing?.kind === 'pair')
    return text.slice(0, existing.valueStart) + written + text.slice(existing.end);
  const statements = entries.filter(
    (entry) => entry.kind === 'pair' && inlineParentOf(entries, entry) === null,
  );
  for (let length = at.table.length; length > 0; length--) {
    const inline = entries.find(
      (entry) => samePath(entry.path, at.table.slice(0, length)) && text[entry.valueStart] === '{',
    );
    if (inline !== undefined) {
      return insertItem(text, inline, `${dottedKey([...at.table.slice(length), at.key])} = ${written}`);
    }
  }
  const siblings = statements.filter(
    (entry) => entry.path.length === at.table.length + 1 && isBelow(entry.path, at.table),
  );
  const sibling = siblings.at(-1);
  if (sibling !== undefined) {
    const header = entries.findLast((entry) => isHeader(entry) && entry.start < sibling.start);
    const key = dottedKey([...at.table.slice(header?.path.length ?? 0), at.key]);
    return insertLineAfter(text, sibling, `${key} = ${written}`);
  }
  const header = entries.find((entry) => isHeader(entry) && samePath(entry.path, at.table));
  if (header !== undefined) return insertLineAfter(text, header, `${formatTomlKey(at.key)} = ${written}`);
  return appendBlock(text, [`[${dottedKey(at.table)}]`, `${formatTomlKey(at.key)} = ${written}`]);
}

const isHeader = (entry: TomlEntry): boolean => entry.kind === 'table' || entry.kind === 'arrayTable';
const samePath = (a: TomlPath, b: TomlPath): boolean =>
  a.length === b.length && a.every((part, index) => part === b[index]);
const isBelow = (path: TomlPath, above: TomlPath): boolean =>
  path.length > above.length && samePath(path.slice(0, above.length), above);
const dottedKey = (path: TomlPath): string => path.map((part) => formatTomlKey(String(part))).join('.');

function findEntry(entries: readonly TomlEntry[], path: TomlPath): TomlEntry | undefined {
  return entries.find((entry) => samePath(entry.path, path));
}

/** The inline table or list that holds an entry, or null for one on a line of its own. */
function inlineParentOf(entries: readonly TomlEntry[], inner: TomlEntry): TomlEntry | null {
  return (
    entries.findLast(
      (entry) => !isHeader(entry) && entry.valueStart < inner.start && inner.start < entry.end,
    ) ?? null
  );
}

function lineEndOf(text: string): string {
  return text.includes('\r\n') ? '\r\n' : '\n';
}

function lineStart(text: string, offset: number): number {
  return text.lastIndexOf('\n', offset - 1) + 1;
}

function nextLine(text: string, offset: number): number {
  const end = text.indexOf('\n', offset);
  return end === -1 ? text.length : end + 1;
}

/** Where the comment lines directly above begin. */
function blockStart(text: string, offset: number): number {
  let start = lineStart(text, offset);
  while (start > 0) {
    const above = lineStart(text, start - 1);
    if (!/^[ \t]*#/.test(text.slice(above, start)) || text.startsWith('#:schema', above)) break;
    start = above;
  }
  return start;
}

function insertLineAfter(text: string, entry: TomlEntry, line: string): string {
  const indent = /^[ \t]*/.exec(text.slice(lineStart(text, entry.start), entry.start))?.[0] ?? '';
  const at = nextLine(text, entry.end);
  const eol = lineEndOf(text);
  const before = text.slice(0, at);
  return `${before}${before.endsWith('\n') ? '' : eol}${indent}${line}${eol}${text.slice(at)}`;
}

function appendBlock(text: string, lines: readonly string[]): string {
  const eol = lineEndOf(text);
  const before = text.trimEnd();
  return `${before}${before === '' ? '' : eol + eol}${lines.join(eol)}${eol}`;
}

/** Into an inline table or list, before its closing bracket. */
function insertItem(text: string, parent: TomlEntry, item: string): string {
  const close = parent.end - 1;
  const inside = scanToml(text).filter((entry) => entry.start > parent.valueStart && entry.end <= close);
  if (inside.length === 0) return `${text.slice(0, parent.valueStart + 1)} ${item} ${text.slice(close)}`;
  const end = Math.max(...inside.map((entry) => entry.end));
  return `${text.slice(0, end)}, ${item}${text.slice(end)}`;
}

/** Out of an inline table or list, with one comma. */
function withoutItem(text: string, item: TomlEntry): string {
  const after = /^(?:[ \t\r\n]|#[^\n]*\n)*,[ \t]*/.exec(text.slice(item.end));
  if (after !== null) return text.slice(0, item.start) + text.slice(item.end + after[0].length);
  const before = /,[ \t\r\n]*$/.exec(text.slice(0, item.start));
  return text.slice(0, item.start - (before?.[0].length ?? 0)) + text.slice(item.end);
}

function withoutLines(text: string, pair: TomlEntry): string {
  return text.slice(0, lineStart(text, pair.start)) + text.slice(nextLine(text, pair.end));
}
