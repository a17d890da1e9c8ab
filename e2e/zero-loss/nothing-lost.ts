// The end of a crowd of which nobody may have failed: what it counted is shown, whatever comes of it.
import { expect } from 'vitest';
import type { Load } from '../load/load-generator.ts';
import type { Report } from '../load/tally.ts';
import { countsTable } from './counts-table.ts';

export async function expectNothingLost(crowd: Load, title: string): Promise<Report> {
  const report = await crowd.stop();
  console.log(countsTable(title, report));
  expect(report.reasons).toEqual({});
  return report;
}
