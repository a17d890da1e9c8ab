// `npm test`: what CI runs. Sets up, lints, runs every package's tests and the e2e stories, names what was skipped
// and why, and ends with one line: `N passed, N failed, N skipped`.
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { setup } from './setup.mjs';
import { readReports } from './test-report.mjs';
import { root, run, toolEnvironment } from './toolchain.mjs';

const reports = path.join(root, '.reports');
const all = process.env.TAKO_TEST_ALL === '1';
const tool = (name) => path.join(root, 'node_modules', '.bin', name);

await setup();
rmSync(reports, { recursive: true, force: true });
mkdirSync(reports, { recursive: true });
const env = toolEnvironment({
  TAKO_REPORT_DIR: reports,
  TAKO_TEST_BUILT: '1',
  ...(all ? { TAKO_TEST_ALL: '1' } : {}),
});

/** @type {[title: string, program: string, args: string[]][]} */
const steps = [
  ['lint', tool('oxlint'), ['--type-aware', '--deny-warnings']],
  ['format', tool('prettier'), ['--check', '--log-level=warn', '.']],
  ['unused code', tool('knip'), ['--no-progress']],
  // One package at a time: each brings its own parallel workers, and the machine may have two cores.
  [
    'tests',
    tool('turbo'),
    [
      'run',
      'test',
      '--concurrency=1',
      '--continue',
      '--env-mode=loose',
      '--output-logs=full',
      '--log-prefix=none',
    ],
  ],
];

/** @type {string[]} */
const failedSteps = [];
for (const [title, program, args] of steps) {
  process.stderr.write(`\n== ${title}\n`);
  const code = await run(program, args, { env });
  if (code !== 0) failedSteps.push(title);
}

/** Each workspace that has tests, by the name of its folder, which is that of its report. */
function testedWorkspaces() {
  const folders = ['apps', 'packages'].flatMap((group) =>
    readdirSync(path.join(root, group)).map((name) => path.join(group, name)),
  );
  return [...folders, 'e2e', 'bench']
    .filter((folder) => existsSync(path.join(root, folder, 'package.json')))
    .filter(
      (folder) => JSON.parse(readFileSync(path.join(root, folder, 'package.json'), 'utf8')).scripts?.test,
    )
    .map((folder) => path.basename(folder));
}

const totals = readReports(reports, testedWorkspaces());
if (totals.skips.length > 0) {
  process.stdout.write(
    `\nSkipped on this machine (the name says what is missing):\n${totals.skips.map((name) => `  - ${name}`).join('\n')}\n`,
  );
}
if (totals.failures.length > 0)
  process.stdout.write(`\nFailed:\n${totals.failures.map((name) => `  - ${name}`).join('\n')}\n`);
const skipsFail = all ? totals.skipped : 0;
// A step that failed without a failed test (lint, format, a crashed runner) counts as one failure.
const extra = failedSteps.filter((title) => title !== 'tests' || totals.failed === 0);
for (const title of extra) process.stdout.write(`\nFailed step: ${title}\n`);
const failed = totals.failed + skipsFail + extra.length;
const passed = totals.passed + steps.length - failedSteps.length;
process.stdout.write(`\n${passed} passed, ${failed} failed, ${all ? 0 : totals.skipped} skipped\n`);
process.exit(failed === 0 ? 0 : 1);
