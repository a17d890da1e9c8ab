// Adds up vitest's JSON reports: how many passed, failed and were skipped, and which and why.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';

function countFile(file, totals) {
  const report = JSON.parse(readFileSync(file, 'utf8'));
  for (const suite of report.testResults ?? []) {
    if (suite.status === 'failed' && suite.assertionResults.length === 0) {
      totals.failed += 1;
      totals.failures.push(`${suite.name}: ${suite.message ?? 'did not load'}`);
    }
    for (const test of suite.assertionResults) {
      const name = [...test.ancestorTitles, test.title].join(' > ');
      if (test.status === 'passed') totals.passed += 1;
      else if (test.status === 'failed') {
        totals.failed += 1;
        totals.failures.push(`${path.basename(suite.name)}: ${name}`);
      } else {
        totals.skipped += 1;
        totals.skips.push(name);
      }
    }
  }
}

/**
 * A runner that was killed leaves no report: each of `expected` (report names without `.json`) that is missing counts as
 * one failure, so that a run that tested nothing cannot pass.
 * @param {string} directory
 * @param {readonly string[]} expected
 * @returns {{ passed: number, failed: number, skipped: number, failures: string[], skips: string[] }}
 */
export function readReports(directory, expected) {
  const totals = { passed: 0, failed: 0, skipped: 0, failures: [], skips: [] };
  const names = existsSync(directory) ? readdirSync(directory).filter((name) => name.endsWith('.json')) : [];
  for (const name of names.sort()) countFile(path.join(directory, name), totals);
  for (const name of expected.filter((one) => !names.includes(`${one}.json`))) {
    totals.failed += 1;
    totals.failures.push(`${name}: its tests did not run to their end`);
  }
  return totals;
}
