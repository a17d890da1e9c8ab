// Installs the production dependencies of a half-made release as the app's user: private home, shared cache, clean
// environment, a deadline. What to run is install-plan.ts's to say.
import { constants } from 'node:fs';
import { chown, mkdtemp, open, readdir } from 'node:fs/promises';
import path from 'node:path';
import { type Manifest, TakoError } from '@tako/config';
import type { RunAs } from '@tako/supervisor';
import { errorCode } from '../files/durable-file.ts';
import { LineQueue, type ProgramLine } from '../programs/line-queue.ts';
import { type ProgramExit, runProgram } from '../programs/run-program.ts';
import { systemPath } from '../runtimes/find-program.ts';
import type { ReadyTool, RuntimeStore } from '../runtimes/runtime-store.ts';
import { type InstallPlan, type TreeFacts, planInstall } from './install-plan.ts';
import { releaseLimits } from './limits.ts';
import { removeTree } from './remove-tree.ts';

export interface InstallRequest {
  readonly manifest: Manifest;
  /** The half-made release. */
  readonly directory: string;
  readonly runAs: RunAs | null;
  /** The release's own runtime: what install scripts find as `node` or `bun`. */
  readonly runtime: ReadyTool | null;
  readonly signal: AbortSignal;
}

export interface InstallReport {
  readonly plan: InstallPlan;
  /** Tool and exact version, when one ran that is ours. */
  readonly tool: ReadyTool | null;
}

type RunPlan = Extract<InstallPlan, { kind: 'run' }>;

const readBytesMax = 4 * 1024 * 1024;

/** A regular file's first bytes; null when it is anything else. The tree is the app's: links and pipes are not opened. */
async function readRegular(file: string): Promise<string | null> {
  try {
    const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      if (!(await handle.stat()).isFile()) return null;
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(readBytesMax), 0, readBytesMax, 0);
      return buffer.toString('utf8', 0, bytesRead);
    } finally {
      await handle.close();
    }
  } catch (error) {
    const code = errorCode(error);
    if (code !== undefined && ['ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO'].includes(code)) return null;
    throw error;
  }
}

async function readPackage(directory: string): Promise<unknown> {
  const text = await readRegular(path.join(directory, 'package.json'));
  if (text === null) return null;
  try {
    return JSON.parse(text);
  } catch {
    // The package manager will say what is wrong with it, better than we could.
    return null;
  }
}

async function readFacts(manifest: Manifest, directory: string): Promise<TreeFacts> {
  const installDir = path.join(directory, manifest.install_dir);
  const appDir = path.join(directory, manifest.app_dir);
  const packages = [await readPackage(installDir)];
  if (appDir !== installDir) packages.push(await readPackage(appDir));
  const yarnLock = await readRegular(path.join(installDir, 'yarn.lock'));
  return {
    names: new Set(await readdir(installDir)),
    packages,
    yarnLockHead: yarnLock?.slice(0, 1000) ?? null,
  };
}

/** Later yarns must keep what an app runs from inside the release (Plug'n'Play), so only the downloads are shared. */
function yarnEnvironment(plan: RunPlan, cache: string): Record<string, string> {
  if (plan.tool !== 'yarn') return {};
  if (plan.range?.startsWith('1') === true) return { YARN_CACHE_FOLDER: path.join(cache, 'yarn') };
  return {
    YARN_GLOBAL_FOLDER: path.join(cache, 'yarn'),
    YARN_ENABLE_GLOBAL_CACHE: 'false',
    YARN_ENABLE_MIRROR: 'true',
    YARN_ENABLE_TELEMETRY: 'false',
  };
}

/** Everything the package manager sees; nothing of the daemon's but where the registry is and whom to trust. */
function installEnvironment(
  manifest: Manifest,
  plan: RunPlan,
  places: { home: string; cache: string; path: string; registry: Readonly<Record<string, string>> },
): Record<string, string> {
  const { home, cache } = places;
  return {
    ...places.registry,
    PATH: places.path,
    HOME: home,
    TMPDIR: home,
    LANG: 'C.UTF-8',
    CI: '1',
    NODE_ENV: 'production',
    NO_COLOR: '1',
    npm_config_cache: path.join(cache, 'npm'),
    npm_config_store_dir: path.join(cache, 'pnpm'),
    pnpm_config_store_dir: path.join(cache, 'pnpm'),
    npm_config_update_notifier: 'false',
    npm_config_fund: 'false',
    npm_config_audit: 'false',
    npm_config_manage_package_manager_versions: 'false',
    // We bring the version that the project pins; pnpm 12 would want to write it into the lockfile, too.
    pnpm_config_pm_on_fail: 'ignore',
    BUN_INSTALL_CACHE_DIR: path.join(cache, 'bun'),
    ...yarnEnvironment(plan, cache),
    TAKO_APP: manifest.app,
    TAKO_ENV: manifest.env,
  };
}

function failure(plan: RunPlan, exit: ProgramExit, lastLines: readonly string[]): TakoError {
  const command = [plan.tool, ...plan.args].join(' ');
  const details = { command, exitCode: exit.exitCode, signal: exit.signal, lastLines: [...lastLines] };
  if (exit.timedOut) {
    return new TakoError(
      'DEPENDENCY_INSTALL_TIMED_OUT',
      `\`${command}\` did not end within ${releaseLimits.installTimeoutMs / 1000} s.`,
      {
        hint: 'Look at what it last said below; a second deploy finds what it fetched in the cache.',
        details,
      },
    );
  }
  const how =
    exit.exitCode === null
      ? `was ended by ${exit.signal ?? 'a signal'}`
      : `ended with exit code ${exit.exitCode}`;
  return new TakoError('DEPENDENCY_INSTALL_FAILED', `\`${command}\` ${how}:\n${lastLines.join('\n')}`, {
    hint: 'Nothing was changed on the server. Try the same command in a clean copy of the project.',
    details,
  });
}

async function* run(
  request: InstallRequest,
  plan: RunPlan,
  runtimes: RuntimeStore,
): AsyncGenerator<ProgramLine, ReadyTool> {
  const { manifest, directory, runAs, runtime, signal } = request;
  const usesRuntime = runtime !== null && runtime.tool === plan.tool;
  const tool = usesRuntime ? runtime : await runtimes.ensure(plan.tool, plan.range, signal);
  // Beside the release, not in it: the sweep at boot finds it there when we do not live to remove it.
  const home = await mkdtemp(`${directory}.home-`);
  const stopping = new AbortController();
  const stop = (): void => stopping.abort(signal.reason);
  signal.addEventListener('abort', stop, { once: true });
  const lines = new LineQueue();
  const lastLines: string[] = [];
  let running: Promise<ProgramExit> | null = null;
  try {
    if (runAs !== null) await chown(home, runAs.uid, runAs.gid);
    using cache = await runtimes.cache.borrow(runAs);
    const pathDirs = [...(runtime?.pathDirs ?? []), ...tool.pathDirs, ...systemPath.split(':')];
    const environment = installEnvironment(manifest, plan, {
      home,
      cache: cache.dir,
      path: pathDirs.join(':'),
      registry: runtimes.environment,
    });
    const spec = {
      argv: [...tool.argv, ...plan.args] as const,
      cwd: path.join(directory, manifest.install_dir),
      environment,
      runAs,
      timeoutMs: releaseLimits.installTimeoutMs,
    };
    signal.throwIfAborted();
    running = runProgram(spec, stopping.signal, (line) => {
      lastLines.push(line.text);
      if (lastLines.length > releaseLimits.failureLinesMax) lastLines.shift();
      lines.push(line);
    });
    void running.then(
      () => lines.end(),
      () => lines.end(),
    );
    yield* lines;
    const exit = await running;
    if (exit.exitCode !== 0) throw failure(plan, exit, lastLines);
    return tool;
  } finally {
    signal.removeEventListener('abort', stop);
    // A reader that went away ends the program, and nothing is left of it.
    stopping.abort(new Error('nobody reads any more'));
    await running?.catch(() => undefined);
    await removeTree(home, runAs);
  }
}

/**
 * Yields the program's lines; returns what ran. Throws DEPENDENCY_INSTALL_FAILED (with its last lines),
 * DEPENDENCY_INSTALL_TIMED_OUT, RUNTIME_INSTALL_FAILED, or the signal's reason.
 */
export async function* installDependencies(
  runtimes: RuntimeStore,
  request: InstallRequest,
): AsyncGenerator<ProgramLine, InstallReport> {
  const plan = planInstall(
    request.manifest.package_manager,
    await readFacts(request.manifest, request.directory),
  );
  if (plan.kind === 'skip') return { plan, tool: null };
  const tool = yield* run(request, plan, runtimes);
  return { plan, tool };
}
