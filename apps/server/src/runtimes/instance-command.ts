// What to run for a release: the manifest's `start` with its program found, or the SDK's runner around `main`. Knows
// where runtimes are only by being told.
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Manifest, TakoError } from '@tako/config';
import { errorCode } from '../files/durable-file.ts';
import { directoriesUpTo, findProgram, isProgram, systemPath } from './find-program.ts';
import { stripsTypes } from './version-range.ts';

export interface RuntimeCommand {
  /** The program by its absolute path. */
  readonly argv: readonly [string, ...string[]];
  /** What the runtime adds, below everything else: PATH, NODE_ENV. */
  readonly environment: Readonly<Record<string, string>>;
}

export interface ResolvedRuntime {
  /** `node` or `bun`; null for `process`. */
  readonly program: string | null;
  /** Exact, for what differs between versions; null when unknown. */
  readonly version: string | null;
  readonly pathDirs: readonly string[];
}

const runnerPath = path.join('node_modules', '@tako', 'sdk', 'dist', 'run.js');

async function exists(file: string): Promise<boolean> {
  try {
    return (await stat(file)).isFile();
  } catch (error) {
    if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') return false;
    throw error;
  }
}

/** Installed dependencies may be hoisted to any directory between the app and the release's root. */
async function findRunner(appDir: string, releaseDir: string): Promise<string | null> {
  for (const directory of directoriesUpTo(appDir, releaseDir)) {
    const file = path.join(directory, runnerPath);
    if (await exists(file)) return file;
  }
  return null;
}

/** `start` is what the CLI writes when the project says nothing: `[runtime, main]`. */
function isDefaultStart(manifest: Manifest): boolean {
  return (
    manifest.start.length === 2 &&
    manifest.start[0] === manifest.runtime &&
    manifest.start[1] === manifest.main
  );
}

function nodeFlags(manifest: Manifest, runtime: ResolvedRuntime): string[] {
  const needed =
    manifest.runtime === 'node' &&
    /\.[cm]?ts$/.test(manifest.main ?? '') &&
    runtime.version !== null &&
    !stripsTypes(runtime.version);
  return needed ? ['--experimental-strip-types'] : [];
}

function notFound(manifest: Manifest, word: string, where: string): TakoError {
  return new TakoError(
    'INSTANCE_START_FAILED',
    `The program ${JSON.stringify(word)} of \`start\` is ${where}.`,
    {
      hint: 'Name a file of the app (`./bin/server`, executable), an installed dependency’s program, or one that the server has in its PATH.',
      details: { app: manifest.app, program: word },
    },
  );
}

async function resolveProgram(
  manifest: Manifest,
  word: string,
  dirs: { releaseDir: string; appDir: string; searched: readonly string[] },
): Promise<string> {
  if (path.isAbsolute(word)) {
    if (await isProgram(word)) return word;
    throw notFound(manifest, word, 'not an executable file on this server');
  }
  if (word.includes('/')) {
    const file = path.resolve(dirs.appDir, word);
    if (!file.startsWith(`${dirs.releaseDir}/`)) throw notFound(manifest, word, 'outside the release');
    if (await isProgram(file)) return file;
    throw notFound(manifest, word, 'not an executable file of the release');
  }
  const file = await findProgram(word, dirs.searched);
  if (file !== null) return file;
  // `process` apps often name their own binary without "./".
  const own = path.join(dirs.appDir, word);
  if (await isProgram(own)) return own;
  throw notFound(manifest, word, 'neither in the release nor in the PATH of this server');
}

/** Yarn's Plug'n'Play: no node_modules; Node is told how to find packages (yarnpkg.com/features/pnp). */
async function plugAndPlay(
  manifest: Manifest,
  appDir: string,
  releaseDir: string,
): Promise<Record<string, string>> {
  if (manifest.runtime !== 'node' || manifest.package_manager !== 'yarn') return {};
  for (const directory of directoriesUpTo(appDir, releaseDir)) {
    const file = path.join(directory, '.pnp.cjs');
    if (!(await exists(file))) continue;
    const loader = path.join(directory, '.pnp.loader.mjs');
    const options = [`--require=${JSON.stringify(file)}`];
    if (await exists(loader)) options.push(`--experimental-loader=${pathToFileURL(loader).href}`);
    return { NODE_OPTIONS: options.join(' ') };
  }
  return {};
}

/** Throws INSTANCE_START_FAILED when the program is nowhere. */
export async function instanceCommand(
  manifest: Manifest,
  releaseDir: string,
  runtime: ResolvedRuntime,
): Promise<RuntimeCommand> {
  const appDir = path.join(releaseDir, manifest.app_dir);
  const modules = directoriesUpTo(appDir, releaseDir).map((directory) =>
    path.join(directory, 'node_modules', '.bin'),
  );
  const searched = [...runtime.pathDirs, ...modules, ...systemPath.split(':')];
  const environment = {
    PATH: searched.join(':'),
    ...(manifest.runtime === 'process' ? {} : { NODE_ENV: 'production' }),
    ...(await plugAndPlay(manifest, appDir, releaseDir)),
  };
  if (runtime.program !== null && isDefaultStart(manifest)) {
    const runner = manifest.readiness === 'sdk' ? await findRunner(appDir, releaseDir) : null;
    const before = [...nodeFlags(manifest, runtime), ...(runner === null ? [] : [runner])];
    return { argv: [runtime.program, ...before, ...manifest.start.slice(1)], environment };
  }
  const [word = '', ...args] = manifest.start;
  const program =
    runtime.program !== null && word === manifest.runtime
      ? runtime.program
      : await resolveProgram(manifest, word, { releaseDir, appDir, searched });
  return { argv: [program, ...args], environment };
}
