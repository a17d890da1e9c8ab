// A report for people: the totals, a line for each kind, and the failures in full.
import type { Report } from './tally.ts';

export function reportText(report: Report): string {
  const { sent, ok, told, failed, durationMs } = report;
  const lines = [
    `sent ${sent}, ok ${ok}, told ${told}, failed ${failed} in ${(durationMs / 1000).toFixed(1)} s`,
  ];
  for (const [kind, of] of Object.entries(report.byKind)) {
    lines.push(
      `  ${kind.padEnd(12)} sent ${of.sent}, ok ${of.ok}, told ${of.told}, failed ${of.failed}, p50 ${of.p50Ms ?? '–'} ms, p99 ${of.p99Ms ?? '–'} ms, ${of.bytes} bytes, ${of.messages} messages`,
    );
  }
  for (const [reason, count] of Object.entries(report.reasons)) lines.push(`  ${count} × ${reason}`);
  for (const failure of report.failures) lines.push(`  ${JSON.stringify(failure)}`);
  lines.push(`  versions ${JSON.stringify(report.versions)}`);
  return `${lines.join('\n')}\n`;
}
