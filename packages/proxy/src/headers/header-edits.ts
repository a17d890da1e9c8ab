// Header policy as a small list of edits, so that a lane may apply it to bytes, to a flat list or to HTTP/2
// headers in its own way. Knows no request.
import type { RawHeaders } from '../upstream/upstream.types.ts';

export interface HeaderEdits {
  /** Lower-case names whose every field goes. One of a few sets: lanes keep compiled forms by identity. */
  readonly drop: ReadonlySet<string>;
  /** Fields added after it that many messages have in common. */
  readonly block?: FieldBlock | undefined;
  /** Fields added after those: `[name, value, …]`. */
  readonly add: RawHeaders;
}

/** Fields that are added to many messages, as a list and as text. */
export class FieldBlock {
  readonly list: RawHeaders;
  /** Their lines, each with its CRLF. */
  readonly text: string;

  constructor(list: RawHeaders) {
    this.list = list;
    // By way of bytes: V8 then has one flat string, not a rope that every message would have to walk again.
    this.text = Buffer.from(fieldLines(list), 'latin1').toString('latin1');
  }
}

/** Field lines, each with its CRLF. */
export function fieldLines(headers: RawHeaders): string {
  let lines = '';
  for (let index = 0; index + 1 < headers.length; index += 2) {
    lines += `${headers[index] ?? ''}: ${headers[index + 1] ?? ''}\r\n`;
  }
  return lines;
}

/** Drops, then adds; order of what remains is kept. */
export function applyEdits(headers: RawHeaders, edits: HeaderEdits): string[] {
  const result: string[] = [];
  for (let index = 0; index + 1 < headers.length; index += 2) {
    const name = headers[index] ?? '';
    if (!edits.drop.has(droppingKey(name))) result.push(name, headers[index + 1] ?? '');
  }
  if (edits.block !== undefined) result.push(...edits.block.list);
  result.push(...edits.add);
  return result;
}

/**
 * CGI-like apps read `X_Forwarded_For` and `X-Forwarded-For` as one variable, so a name with underscores is dropped
 * with its twin (nginx drops all such names for that reason).
 */
export function droppingKey(name: string): string {
  const key = name.toLowerCase();
  return key.includes('_') ? key.replaceAll('_', '-') : key;
}

/** All values of a field joined with `, ` (RFC 9110 §5.3), or as told; `name` lower-case. */
export function fieldValue(headers: RawHeaders, name: string, separator = ', '): string | undefined {
  let value: string | undefined;
  for (let index = 0; index + 1 < headers.length; index += 2) {
    const candidate = headers[index] ?? '';
    if (candidate.length !== name.length || candidate.toLowerCase() !== name) continue;
    const found = headers[index + 1] ?? '';
    value = value === undefined ? found : `${value}${separator}${found}`;
  }
  return value;
}
