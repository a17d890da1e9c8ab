// Where the project's own Node is and how a step is run under it. Plain JavaScript: it runs under whatever Node
// (20 or later) the machine has, before anything is installed.
import { spawn } from 'node:child_process';
import { createWriteStream, existsSync, mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

export const root = path.resolve(import.meta.dirname, '..');
export const nodeProgram = path.join(root, 'node_modules', 'node', 'bin', 'node');
const logFile = path.join(root, '.cache', 'setup.log');

/** The project's Node and its programs come first, whatever the machine has. */
export function toolEnvironment(extra = {}) {
  const own = [path.dirname(nodeProgram), path.join(root, 'node_modules', '.bin')];
  return {
    ...process.env,
    PATH: [...own, process.env.PATH ?? ''].join(path.delimiter),
    TURBO_TELEMETRY_DISABLED: '1',
    DO_NOT_TRACK: '1',
    TURBO_NO_UPDATE_NOTIFIER: '1',
    ...extra,
  };
}

/** Runs a program with its output on the terminal; resolves to its exit code (128 + signal when killed). */
export function run(program, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd: root, stdio: 'inherit', env: toolEnvironment(), ...options });
    const forward = (signal) => child.kill(signal);
    process.on('SIGINT', forward);
    process.on('SIGTERM', forward);
    child.on('error', reject);
    child.on('exit', (code, signal) => {
      process.off('SIGINT', forward);
      process.off('SIGTERM', forward);
      resolve(code ?? (signal === 'SIGINT' ? 130 : 143));
    });
  });
}

/** One line of progress, redrawn on a terminal, repeated every 10 s elsewhere. */
function progress(title) {
  const startedAt = Date.now();
  const seconds = () => `${((Date.now() - startedAt) / 1000).toFixed(0)} s`;
  const live = process.stderr.isTTY && process.env.CI === undefined;
  const frames = ['|', '/', '-', '\\'];
  let tick = 0;
  if (!live) process.stderr.write(`  ${title} ...\n`);
  const timer = setInterval(
    () => {
      tick += 1;
      if (live) process.stderr.write(`\r  ${frames[tick % frames.length]} ${title} (${seconds()})\u001B[K`);
      else process.stderr.write(`  ${title} ... ${seconds()}\n`);
    },
    live ? 120 : 10_000,
  );
  return (ok) => {
    clearInterval(timer);
    process.stderr.write(
      `${live ? '\r' : ''}  ${ok ? 'ok' : 'FAILED'} ${title} (${seconds()})${live ? '\u001B[K' : ''}\n`,
    );
  };
}

/** Runs a step quietly; its output goes to .cache/setup.log and its end is shown when it fails. */
export async function step(title, program, args, environment = toolEnvironment()) {
  mkdirSync(path.dirname(logFile), { recursive: true });
  const log = createWriteStream(logFile, { flags: 'a' });
  const done = progress(title);
  const code = await new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], env: environment });
    child.stdout.pipe(log, { end: false });
    child.stderr.pipe(log, { end: false });
    child.on('error', reject);
    child.on('close', resolve);
  });
  await new Promise((resolve) => log.end(resolve));
  done(code === 0);
  if (code === 0) return;
  // npm says what is wrong first and prints its usage after it; compilers and tests say it last.
  const lines = existsSync(logFile) ? readFileSync(logFile, 'utf8').trimEnd().split('\n') : [];
  const tail = (lines.length <= 60 ? lines : [...lines.slice(0, 20), '  ...', ...lines.slice(-40)]).join(
    '\n',
  );
  process.stderr.write(
    `\n${tail}\n\n"${title}" failed with exit code ${code}; the whole log: ${path.relative(process.cwd(), logFile)}\n`,
  );
  process.exit(1);
}
