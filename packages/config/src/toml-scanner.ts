// Finds where things stand in a TOML text: every table header, key and list element with its offsets and line. The
// text is already known to be valid (smol-toml parsed it); in a text that is not, the scan stops early and never
// throws or hangs. Values are not decoded here.

export type TomlPath = readonly (string | number)[];

export interface TomlEntry {
  readonly kind: 'table' | 'arrayTable' | 'pair' | 'element';
  readonly path: TomlPath;
  /** From 1. */
  readonly line: number;
  /** Offset of the key, the element or the header's first bracket. */
  readonly start: number;
  /** Offset of the value; for headers the same as `start`. */
  readonly valueStart: number;
  /** Offset after the value or the header's last bracket. */
  readonly end: number;
}

interface Scan {
  readonly text: string;
  readonly entries: TomlEntry[];
  readonly lineOf: (offset: number) => number;
}

interface KeyReading {
  readonly names: readonly string[];
  readonly end: number;
}

/** Nesting deeper than smol-toml allows cannot come from a text that it parsed. */
const depthMax = 1000;

export function scanToml(text: string): readonly TomlEntry[] {
  const scan: Scan = { text, entries: [], lineOf: createLineFinder(text) };
  const tableCounts = new Map<string, number>();
  let table: TomlPath = [];
  let at = skipBlank(text, 0);
  while (at < text.length) {
    let end: number | null;
    if (text[at] === '[') {
      const header = scanHeader(scan, at, tableCounts);
      if (header === null) break;
      table = header.path;
      end = header.end;
    } else {
      end = scanPair(scan, at, table, 0);
    }
    if (end === null || end <= at) break;
    at = skipBlank(text, end);
  }
  return scan.entries;
}

function scanHeader(scan: Scan, start: number, tableCounts: Map<string, number>): TomlEntry | null {
  const brackets = scan.text.startsWith('[[', start) ? 2 : 1;
  const key = readKey(scan.text, start + brackets);
  if (key === null || !scan.text.startsWith(']'.repeat(brackets), key.end)) return null;
  const path: (string | number)[] = [];
  for (const [index, name] of key.names.entries()) {
    path.push(name);
    const id = JSON.stringify(path);
    const isLast = index === key.names.length - 1;
    if (isLast && brackets === 2) tableCounts.set(id, (tableCounts.get(id) ?? -1) + 1);
    // Below a list of tables, a header speaks of its last element.
    const count = isLast && brackets === 1 ? undefined : tableCounts.get(id);
    if (count !== undefined) path.push(count);
  }
  const kind = brackets === 2 ? 'arrayTable' : 'table';
  const entry = {
    kind,
    path,
    line: scan.lineOf(start),
    start,
    valueStart: start,
    end: key.end + brackets,
  } as const;
  scan.entries.push(entry);
  return entry;
}

/** Returns the offset after the value, or null where no pair stands. */
function scanPair(scan: Scan, start: number, table: TomlPath, depth: number): number | null {
  const key = readKey(scan.text, start);
  if (key === null || scan.text[key.end] !== '=') return null;
  const valueStart = skipSpaces(scan.text, key.end + 1);
  return scanEntry(scan, { kind: 'pair', path: [...table, ...key.names], start, valueStart }, depth);
}

function scanEntry(
  scan: Scan,
  found: Pick<TomlEntry, 'kind' | 'path' | 'start' | 'valueStart'>,
  depth: number,
): number | null {
  // The place is kept before the value is scanned, so that parents come before children.
  const index = scan.entries.length;
  const line = scan.lineOf(found.start);
  scan.entries.push({ ...found, line, end: found.valueStart });
  const end = scanValue(scan, found, depth);
  if (end !== null) scan.entries[index] = { ...found, line, end };
  return end;
}

function scanValue(scan: Scan, found: Pick<TomlEntry, 'path' | 'valueStart'>, depth: number): number | null {
  const { text } = scan;
  const start = found.valueStart;
  if (depth > depthMax) return null;
  if (text[start] === '[') return scanList(scan, found, depth);
  if (text[start] === '{') return scanInlineTable(scan, found, depth);
  if (text[start] === '"' || text[start] === "'") return stringEnd(text, start);
  const plain = /[^,\]}\r\n#]*/y;
  plain.lastIndex = start;
  return start + (plain.exec(text)?.[0].trimEnd().length ?? 0);
}

function scanList(scan: Scan, found: Pick<TomlEntry, 'path' | 'valueStart'>, depth: number): number | null {
  let at = skipBlank(scan.text, found.valueStart + 1);
  for (let index = 0; at < scan.text.length; index++) {
    if (scan.text[at] === ']') return at + 1;
    const end = scanEntry(
      scan,
      { kind: 'element', path: [...found.path, index], start: at, valueStart: at },
      depth + 1,
    );
    if (end === null || end === at) return null;
    at = skipBlank(scan.text, end);
    if (scan.text[at] === ',') at = skipBlank(scan.text, at + 1);
  }
  return null;
}

function scanInlineTable(
  scan: Scan,
  found: Pick<TomlEntry, 'path' | 'valueStart'>,
  depth: number,
): number | null {
  let at = skipBlank(scan.text, found.valueStart + 1);
  while (at < scan.text.length) {
    if (scan.text[at] === '}') return at + 1;
    const end = scanPair(scan, at, found.path, depth + 1);
    if (end === null) return null;
    at = skipBlank(scan.text, end);
    if (scan.text[at] === ',') at = skipBlank(scan.text, at + 1);
  }
  return null;
}

/** A dotted key, spaces around its dots allowed; `end` is after the spaces that follow it. */
function readKey(text: string, start: number): KeyReading | null {
  const names: string[] = [];
  let at = skipSpaces(text, start);
  for (;;) {
    const end = text[at] === '"' || text[at] === "'" ? stringEnd(text, at) : bareKeyEnd(text, at);
    if (end === null || end === at) return null;
    names.push(decodeKey(text.slice(at, end)));
    at = skipSpaces(text, end);
    if (text[at] !== '.') return { names, end: at };
    at = skipSpaces(text, at + 1);
  }
}

const shortEscapes: Readonly<Record<string, string>> = {
  b: '\b',
  t: '\t',
  n: '\n',
  f: '\f',
  r: '\r',
  e: '\u001b',
};

function decodeKey(raw: string): string {
  if (!raw.startsWith('"')) return raw.startsWith("'") ? raw.slice(1, -1) : raw;
  return raw
    .slice(1, -1)
    .replaceAll(/\\(?:x(..)|u(.{4})|U(.{8})|(.))/g, (_, ...groups: (string | undefined)[]) => {
      const [x, u, long, short = ''] = groups;
      const hex = x ?? u ?? long;
      if (hex === undefined) return shortEscapes[short] ?? short;
      const code = Number.parseInt(hex, 16);
      return code <= 0x10_ff_ff ? String.fromCodePoint(code) : '';
    });
}

function bareKeyEnd(text: string, start: number): number {
  const bare = /[A-Za-z0-9_-]*/y;
  bare.lastIndex = start;
  return start + (bare.exec(text)?.[0].length ?? 0);
}

/** TOML 1.0, "String": basic and literal, on one line or several; up to two quotes may stand before the closing three. */
function stringEnd(text: string, start: number): number | null {
  const quote = text[start];
  const forms =
    quote === '"'
      ? [/"""(?:[^\\]|\\[^])*?"""(?:""?(?!"))?/y, /"(?:[^"\\\n]|\\.)*"/y]
      : [/'''[^]*?'''(?:''?(?!'))?/y, /'[^'\n]*'/y];
  const isLong = text.startsWith(`${quote}${quote}${quote}`, start);
  const form = forms[isLong ? 0 : 1];
  if (form === undefined) return null;
  form.lastIndex = start;
  const match = form.exec(text);
  return match === null ? null : start + match[0].length;
}

function skipSpaces(text: string, start: number): number {
  let at = start;
  while (text[at] === ' ' || text[at] === '\t') at++;
  return at;
}

/** Spaces, line ends and comments. */
function skipBlank(text: string, start: number): number {
  const blank = /(?:[ \t\r\n\ufeff]+|#[^\n]*)*/y;
  blank.lastIndex = start;
  return start + (blank.exec(text)?.[0].length ?? 0);
}

function createLineFinder(text: string): (offset: number) => number {
  const starts = [0];
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return (offset) => {
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return low + 1;
  };
}
