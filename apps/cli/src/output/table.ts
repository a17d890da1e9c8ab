// Rows of facts for people: a table where it fits the terminal, else one fact a line, so that nothing is cut and no line
// is broken by the terminal. Pure.
import { displayWidth, padColumns, wrapColumns } from './text.ts';

export interface Table {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** So many of the first columns say what a row is about. Default: one. */
  readonly titleColumns?: number;
}

export interface TableText {
  /** null where each fact has its own label. */
  readonly head: string | null;
  /** In the order of the rows; each may have several lines. */
  readonly rows: readonly string[];
}

/** Columns padded to their widest cell, two spaces apart, no trailing spaces. */
function alignRows(rows: readonly (readonly string[])[]): string[] {
  const count = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: count }, (_, column) =>
    Math.max(...rows.map((row) => displayWidth(row[column] ?? ''))),
  );
  return rows.map((row) =>
    row
      .map((cell, column) => padColumns(cell, widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

/** What is not known (`-`) or empty is left out: there is no column that it would hold open. */
function recordOf(table: Table, row: readonly string[], columns: number): string {
  const { head, titleColumns = 1 } = table;
  const labelWidth = Math.max(...head.slice(titleColumns).map(displayWidth), 0);
  const title = row
    .slice(0, titleColumns)
    .filter((cell) => cell !== '')
    .join('  ');
  const facts = row.slice(titleColumns).flatMap((cell, index) => {
    if (cell === '' || cell === '-') return [];
    const label = `  ${padColumns(head[titleColumns + index] ?? '', labelWidth)}  `;
    return wrapColumns(cell, columns - label.length).map(
      (line, at) => `${at === 0 ? label : ' '.repeat(label.length)}${line}`,
    );
  });
  return [...wrapColumns(title, columns, 2), ...facts].map((line) => line.trimEnd()).join('\n');
}

/** `columns`: of the terminal; Infinity where there is none. */
export function fitTable(table: Table, columns: number): TableText {
  const [head = '', ...rows] = alignRows([table.head, ...table.rows]);
  if ([head, ...rows].every((line) => displayWidth(line) <= columns)) return { head, rows };
  return { head: null, rows: table.rows.map((row) => recordOf(table, row, columns)) };
}

export function formatTable(table: Table, columns: number): string {
  const { head, rows } = fitTable(table, columns);
  return [...(head === null ? [] : [head]), ...rows].join('\n');
}
