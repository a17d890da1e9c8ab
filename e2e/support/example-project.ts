// An example or fixture as a user would have it: its own directory outside the repository, a git history, the SDK
// as a packed tarball in vendor/, a lockfile. It knows files and git, nothing of deploys.
import { execFile } from 'node:child_process';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const repositoryRoot = path.resolve(import.meta.dirname, '../..');
const binaries = path.join(repositoryRoot, 'node_modules/.bin');
const sdkRoot = path.join(repositoryRoot, 'packages/sdk');

/** Installing, packing, committing: none of it talks to a network. */
const STEP_TIMEOUT_MS = 60_000;

export interface ExampleProject extends AsyncDisposable {
  /** The git root. */
  readonly dir: string;
  /** Where tako.toml lies: `dir`, or below it in a monorepo. */
  readonly appDir: string;
  /** Writes a file (relative to `appDir`) and commits it; resolves with the commit's id. */
  commitChange(file: string, text: string): Promise<string>;
  /** The same, from the present text. */
  commitEdit(file: string, edit: (text: string) => string): Promise<string>;
}

export interface ExampleOptions {
  /** Where to make it; default: a new temp directory, removed on disposal. */
  readonly dir?: string;
  /** Replaces the example's tako.toml before the first commit. */
  readonly takoToml?: string;
}

/** `source`: the name of a directory in `examples/`, or an absolute path. Needs the SDK's `dist` (`npm run setup`). */
export async function createExampleProject(
  source: string,
  options: ExampleOptions = {},
): Promise<ExampleProject> {
  const from = path.isAbsolute(source) ? source : path.join(repositoryRoot, 'examples', source);
  const dir = options.dir ?? (await fs.mkdtemp(path.join(os.tmpdir(), `tako-${path.basename(from)}-`)));
  await fs.cp(from, dir, {
    recursive: true,
    filter: (file) => !/^(node_modules|dist|\.git)$/.test(path.basename(file)),
  });
  const appDir = path.join(dir, await appDirOf(dir));
  if (options.takoToml !== undefined) await fs.writeFile(path.join(appDir, 'tako.toml'), options.takoToml);
  await vendorSdk(dir, appDir);
  await git(dir, ['init', '--quiet', '--initial-branch=main']);
  await commitAll(dir, `The example ${path.basename(from)}`);
  const commitChange = async (file: string, text: string): Promise<string> => {
    await fs.writeFile(path.join(appDir, file), text);
    return commitAll(dir, `Change ${file}`);
  };
  return {
    dir,
    appDir,
    commitChange,
    commitEdit: async (file, edit) =>
      commitChange(file, edit(await fs.readFile(path.join(appDir, file), 'utf8'))),
    [Symbol.asyncDispose]: async () => {
      if (options.dir === undefined) await fs.rm(dir, { recursive: true, force: true });
    },
  };
}

async function appDirOf(dir: string): Promise<string> {
  const files = await fs.readdir(dir, { recursive: true });
  const found = files.filter((file) => path.basename(file) === 'tako.toml' && !file.includes('node_modules'));
  const [only] = found;
  if (only === undefined || found.length > 1)
    throw new Error(`${dir} has ${found.length} tako.toml, not one: ${found.join(', ')}`);
  return path.dirname(only);
}

interface PackageJson {
  packageManager?: string;
  dependencies?: Record<string, string>;
}

/** Until the SDK is published: packed as a registry would have it, and depended on as a file. */
async function vendorSdk(dir: string, appDir: string): Promise<void> {
  const file = path.join(appDir, 'package.json');
  const packageJson = JSON.parse(await fs.readFile(file, 'utf8')) as PackageJson;
  if (packageJson.dependencies?.['@tako/sdk'] === undefined) return;
  const vendor = path.join(appDir, 'vendor');
  await fs.mkdir(vendor, { recursive: true });
  await fs.access(path.join(sdkRoot, 'dist/index.js')).catch(() => {
    throw new Error('the SDK is not built: run "npm run setup" first');
  });
  await step('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', vendor], sdkRoot);
  const [tarball] = await fs.readdir(vendor);
  if (tarball === undefined) throw new Error('npm pack made no tarball of the SDK');
  packageJson.dependencies['@tako/sdk'] = `file:vendor/${tarball}`;
  await fs.writeFile(file, `${JSON.stringify(packageJson, null, 2)}\n`);
  if (packageJson.packageManager?.startsWith('bun@') === true)
    await step('bun', ['install', '--lockfile-only'], dir);
  else
    await step(
      'npm',
      ['install', '--package-lock-only', '--offline', '--ignore-scripts', '--no-audit', '--no-fund'],
      dir,
    );
}

async function commitAll(dir: string, message: string): Promise<string> {
  await git(dir, ['add', '--all']);
  await git(dir, ['commit', '--quiet', '--message', message]);
  return (await git(dir, ['rev-parse', 'HEAD'])).trim();
}

/** Without the settings of whoever runs the tests. */
function git(dir: string, args: readonly string[]): Promise<string> {
  const identity = [
    '-c',
    'user.name=Tako tests',
    '-c',
    'user.email=tests@tako.local',
    '-c',
    'commit.gpgsign=false',
  ];
  return step('git', [...identity, ...args], dir);
}

async function step(command: string, args: readonly string[], cwd: string): Promise<string> {
  const env = {
    ...process.env,
    PATH: `${binaries}${path.delimiter}${process.env['PATH'] ?? ''}`,
    GIT_CONFIG_GLOBAL: os.devNull,
    GIT_CONFIG_NOSYSTEM: '1',
  };
  const { stdout } = await run(command, [...args], { cwd, env, timeout: STEP_TIMEOUT_MS });
  return stdout;
}
