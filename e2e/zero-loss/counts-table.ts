// What a run counted, as a table for the test's output.
import type { Report } from '../load/tally.ts';

export function countsTable(title: string, report: Report): string {
  const rows = [
    ['', 'sent', 'ok', 'told', 'failed', 'p50 ms', 'p99 ms'],
    ...Object.entries(report.byKind).map(([kind, of]) => [
      kind,
      ...[of.sent, of.ok, of.told, of.failed].map(String),
      ...[of.p50Ms, of.p99Ms].map((ms) => (ms === null ? '' : String(ms))),
    ]),
    ['all', ...[report.sent, report.ok, report.told, report.failed].map(String), '', ''],
  ];
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  const lines = rows.map((row) =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  '),
  );
  const reasons = Object.entries(report.reasons).map(([reason, count]) => `  ${count} × ${reason}`);
  return [`${title} (${(report.durationMs / 1000).toFixed(1)} s)`, ...lines, ...reasons].join('\n');
}
