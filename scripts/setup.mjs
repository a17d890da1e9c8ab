// `npm run setup`: install and build, only what is missing. Called by `npm start` and `npm test`; a second call
// takes a second or two.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { nodeProgram, root, step, toolEnvironment } from './toolchain.mjs';

const stampFile = path.join(root, 'node_modules', '.tako-setup');

/** Every package.json of the workspace and the lockfile: when they are the same, so is node_modules. */
function installKey() {
  const hash = createHash('sha256');
  const files = ['package.json', 'package-lock.json'];
  for (const group of ['apps', 'packages']) {
    for (const name of readdirSync(path.join(root, group)).sort())
      files.push(path.join(group, name, 'package.json'));
  }
  files.push('e2e/package.json', 'bench/package.json');
  for (const file of files) {
    const full = path.join(root, file);
    if (existsSync(full)) hash.update(`${file}\0`).update(readFileSync(full)).update('\0');
  }
  return hash.digest('hex');
}

/** Node's own binary wants libatomic, which minimal Debian and Ubuntu systems lack: said here, not by a loader. */
function assertNodeRuns() {
  const { status, stderr } = spawnSync(nodeProgram, ['--version'], { encoding: 'utf8' });
  if (status === 0) return;
  process.stderr.write(`\nThe project's own Node does not run on this machine:\n  ${stderr.trim()}\n`);
  if (stderr.includes('libatomic'))
    process.stderr.write('Install the library and try again: apt-get install libatomic1\n');
  process.exit(1);
}

export async function setup() {
  rmSync(path.join(root, '.cache', 'setup.log'), { force: true });
  const key = installKey();
  const installed =
    existsSync(nodeProgram) && existsSync(stampFile) && readFileSync(stampFile, 'utf8') === key;
  if (!installed) {
    process.stderr.write('Setting up (the first time takes a minute or two):\n');
    // The machine's own Node runs npm here: the project's one is what gets installed.
    await step(
      'install the dependencies',
      'npm',
      ['ci', '--no-audit', '--no-fund', '--loglevel=error'],
      process.env,
    );
    assertNodeRuns();
    mkdirSync(path.dirname(stampFile), { recursive: true });
    writeFileSync(stampFile, key);
  }
  await step(
    'build',
    path.join(root, 'node_modules', '.bin', 'turbo'),
    ['run', 'build', '--output-logs=errors-only'],
    toolEnvironment(),
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await setup();
