// Heads as text, written from recognised ones: fields that policy drops left out, its own added, framing by us. Runs
// of kept lines are copied whole. Knows no socket.
import { byteAt, hashToken } from '../../h1/bytes.ts';
import { fieldId, hashName } from '../../h1/field-names.ts';
import type { FieldTable } from '../../h1/field-table.ts';
import { fieldLines, type HeaderEdits } from '../../headers/header-edits.ts';

/** A recognised head: its text, and the table whose offsets are `base` ahead of the text's. */
export interface HeadSource {
  readonly text: string;
  readonly base: number;
  readonly fields: FieldTable;
  /** Where the field lines begin in the text. */
  readonly fieldsStart: number;
  /** From where on the text is kept: 0 where its start line goes on as it is, else `fieldsStart`. */
  readonly keptFrom: number;
}

const slotMask = 255;

/** A set of dropped names as a table by hash: all other names pass with one look-up, or two. */
export class DropTable {
  readonly #hashes = new Int32Array(slotMask + 1);
  readonly #names: string[] = Array.from({ length: slotMask + 1 }, () => '');

  constructor(names: ReadonlySet<string>) {
    for (const name of names) {
      const slot = this.#slotOf(hashName(name), name);
      this.#hashes[slot] = hashName(name);
      this.#names[slot] = name;
    }
  }

  drops(hash: number, source: HeadSource, index: number): boolean {
    let slot = hash & slotMask;
    for (let name = this.#names[slot] ?? ''; name !== ''; name = this.#names[slot] ?? '') {
      if (this.#hashes[slot] === hash && isNamed(source, index, name)) return true;
      slot = (slot + 1) & slotMask;
    }
    return false;
  }

  #slotOf(hash: number, name: string): number {
    let slot = hash & slotMask;
    while (this.#names[slot] !== '' && this.#names[slot] !== name) slot = (slot + 1) & slotMask;
    return slot;
  }
}

/** As `droppingKey` compares: letter case aside, `_` as `-`. */
function isNamed({ text, base, fields }: HeadSource, index: number, name: string): boolean {
  const start = fields.nameStart(index) - base;
  if (fields.nameEnd(index) - base - start !== name.length) return false;
  for (let offset = 0; offset < name.length; offset += 1) {
    if (byteAt(hashToken, text.charCodeAt(start + offset)) !== name.charCodeAt(offset)) return false;
  }
  return true;
}

/** Makes the tables of the few sets that policy uses, once each. */
export class DropTables {
  readonly #tables = new WeakMap<ReadonlySet<string>, DropTable>();

  of(names: ReadonlySet<string>): DropTable {
    const known = this.#tables.get(names);
    if (known !== undefined) return known;
    const table = new DropTable(names);
    this.#tables.set(names, table);
    return table;
  }
}

/** The start line where it is kept, the kept field lines, each with its CRLF, then those that are added. Content-Length is never kept: framing is ours. */
export function editedFields(source: HeadSource, edits: HeaderEdits, tables: DropTables): string {
  const kept = source.fields.oddSpacing ? keptLines : keptRuns;
  return kept(source, tables.of(edits.drop)) + (edits.block?.text ?? '') + fieldLines(edits.add);
}

/** All values of a field joined with `, ` (RFC 9110 §5.3); `name` lower-case. */
export function findField(source: HeadSource, name: string): string | undefined {
  const { fields } = source;
  const hash = hashName(name);
  let found: string | undefined;
  for (let index = 0; index < fields.count; index += 1) {
    if (fields.hashes[index] !== hash || nameAt(source, index).toLowerCase() !== name) continue;
    found = found === undefined ? valueAt(source, index) : `${found}, ${valueAt(source, index)}`;
  }
  return found;
}

/** Names and values in turn. */
export function listFields(source: HeadSource): string[] {
  const list: string[] = [];
  for (let index = 0; index < source.fields.count; index += 1)
    list.push(nameAt(source, index), valueAt(source, index));
  return list;
}

const nameAt = ({ text, base, fields }: HeadSource, index: number): string =>
  text.slice(fields.nameStart(index) - base, fields.nameEnd(index) - base);

const valueAt = ({ text, base, fields }: HeadSource, index: number): string =>
  text.slice(fields.valueStart(index) - base, fields.valueEnd(index) - base);

/** Canonical spacing: a line ends two octets after its value, and what lies between two dropped lines is one slice. */
function keptRuns(source: HeadSource, table: DropTable): string {
  const { text, base, fields } = source;
  let kept = '';
  let runStart = source.keptFrom;
  let position = source.fieldsStart;
  for (let index = 0; index < fields.count; index += 1) {
    const lineEnd = fields.valueEnd(index) - base + 2;
    if (isDropped(source, table, index)) {
      if (position > runStart) kept += text.slice(runStart, position);
      runStart = lineEnd;
    }
    position = lineEnd;
  }
  return position > runStart ? kept + text.slice(runStart, position) : kept;
}

function keptLines(source: HeadSource, table: DropTable): string {
  let kept = source.text.slice(source.keptFrom, source.fieldsStart);
  for (let index = 0; index < source.fields.count; index += 1) {
    if (!isDropped(source, table, index)) kept += `${nameAt(source, index)}: ${valueAt(source, index)}\r\n`;
  }
  return kept;
}

function isDropped(source: HeadSource, table: DropTable, index: number): boolean {
  const { fields } = source;
  return fields.ids[index] === fieldId.contentLength || table.drops(fields.hashes[index] ?? 0, source, index);
}
