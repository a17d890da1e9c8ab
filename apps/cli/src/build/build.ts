// From a source tree to an artifact: version, workspace, steps, archive, cache (spec 30, steps 4-6). Knows no server
// and no environment: one build serves every environment.
import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { formatBytes } from '../output/text.ts';
import type { Task } from '../output/task.ts';
import { openArtifactCache } from './artifact-cache.ts';
import { listArtifactEntries, noModules, type KeptModules } from './artifact-entries.ts';
import { planBuildSteps, type BuildConfig, type BuildSteps } from './build-plan.ts';
import {
  buildScriptCommand,
  detectPackageManager,
  readPackageJson,
  type DetectedPackageManager,
} from './package-manager.ts';
import { runBuildSteps } from './run-steps.ts';
import { hashFile, hashSourceFiles } from './source-hash.ts';
import { listSourceFiles, type SourceFile } from './source-files.ts';
import { findSourceRoot, type SourceRoot } from './source-root.ts';
import { createVersionId } from './version-id.ts';
import { createWorkspace } from './workspace.ts';
import { resolveMain } from './main-file.ts';
import { addSiteProgram } from './site-program.ts';
import { completeStandalone } from './standalone-program.ts';

export interface BuildRequest {
  readonly projectDir: string;
  readonly app: string;
  readonly config: BuildConfig;
  /** From tako.toml; null = found after the build. `process` apps may have none. */
  readonly main: string | null;
  /** False where `start` says how to run it. */
  readonly needsMain: boolean;
  /** What the artifact is built for, as far as it matters to it. */
  readonly target: { readonly arch: string };
  readonly env: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

/** What is known of a build before anything runs: enough for the plan and the dry run. */
export interface BuildPlan {
  readonly source: SourceRoot;
  readonly files: readonly SourceFile[];
  readonly sourceHash: string;
  readonly version: string;
  readonly manager: DetectedPackageManager | null;
  readonly steps: BuildSteps;
  /** Hex SHA-256 of all inputs. */
  readonly key: string;
}

export interface Build {
  readonly version: string;
  readonly artifact: { readonly file: string; readonly sha256: string; readonly sizeBytes: number };
  readonly cached: boolean;
  readonly main: string | null;
  readonly appDir: string;
  readonly installDir: string;
  readonly packageManager: DetectedPackageManager['manager'] | null;
  readonly commit: { readonly id: string; readonly subject: string } | null;
  readonly dirty: boolean;
}

/** Bumped whenever equal inputs would give other bytes than the version before gave. */
const archiveFormat = 1;

/** Reads the sources, runs nothing. Errors: SOURCE_*, LOCKFILE_MISSING, PACKAGE_JSON_INVALID. */
export async function planBuild(request: BuildRequest, task: Task): Promise<BuildPlan> {
  const { signal } = request;
  const source = await findSourceRoot(request.projectDir, { env: request.env, signal });
  const trackedButIgnored = source.git?.trackedButIgnored ?? [];
  const { files, skipped } = await listSourceFiles(source.root, { trackedButIgnored, signal });
  if (skipped.length > 0) {
    task.warn({
      code: 'SOURCE_SPECIAL_FILES',
      message: `left out, since they are sockets, pipes or devices: ${skipped.slice(0, 10).join(', ')}`,
    });
  }
  const sourceHash = await hashSourceFiles(source.root, files, signal);
  const project = path.join(source.root, source.appDir);
  const manager = await detectPackageManager(source.root, source.appDir, {
    configured: request.config.packageManager,
    ownInstall: request.config.install !== null,
  });
  const packageJson = await readPackageJson(project);
  const steps = planBuildSteps(request.config, {
    appDir: source.appDir,
    manager,
    buildScript:
      packageJson === null || manager === null ? null : buildScriptCommand(manager.manager, packageJson),
  });
  const commitId = source.git?.commit?.id ?? null;
  const version = createVersionId({ commitId, dirty: source.git?.dirty ?? true, sourceHash });
  const lockfile =
    manager?.lockfile == null
      ? null
      : await hashFile(path.join(source.root, manager.installDir, manager.lockfile), signal);
  const key = createBuildKey(request, { appDir: source.appDir, sourceHash, lockfile, steps });
  return { source, files, sourceHash, version, manager, steps, key };
}

/** What is in it is nobody's to commit, whatever the project's own .gitignore says. */
async function createBuildDirectory(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true });
  await writeFile(path.join(directory, '.gitignore'), '*\n');
}

/** All inputs of the artifact's bytes, and nothing of an environment (facts 25). */
function createBuildKey(
  request: BuildRequest,
  facts: { appDir: string; sourceHash: string; lockfile: string | null; steps: BuildSteps },
): string {
  const { config } = request;
  const inputs = {
    archiveFormat,
    ...facts,
    include: config.include,
    main: request.main,
    needsMain: request.needsMain,
    assets: config.assets,
    output: config.output,
    runtime: config.runtime,
    runtimeVersion: config.runtimeVersion,
    target: request.target,
  };
  return createHash('sha256').update(JSON.stringify(inputs)).digest('hex');
}

interface BuiltProgram {
  readonly main: string | null;
  readonly modules: KeptModules;
}

/** What the server starts: of the preset's own making, or as tako.toml and package.json say. */
async function findProgram(
  request: BuildRequest,
  place: { workspace: string; appDir: string },
): Promise<BuiltProgram> {
  const { standalone, isSelfContained, isSite } = request.config.output;
  const directory = path.join(place.workspace, place.appDir);
  if (isSite) return { main: await addSiteProgram(directory), modules: noModules };
  const program =
    standalone === null ? null : await completeStandalone(standalone, { ...place, isSelfContained });
  const main =
    request.main === null && program !== null
      ? program.main
      : await resolveMain(directory, { main: request.main, needed: request.needsMain });
  return { main, modules: program?.modules ?? noModules };
}

/** A program with its packages in its folder needs nothing else of the project. */
function includeOf({ include, output }: BuildConfig): readonly string[] {
  if (include.length > 0 || !output.isSelfContained || output.standalone === null) return include;
  return [`/${output.standalone.folder}`];
}

/** Errors: those of the steps, MAIN_NOT_FOUND, ARTIFACT_*, ASSETS_NOT_FOUND. */
export async function runBuild(request: BuildRequest, plan: BuildPlan, task: Task): Promise<Build> {
  const { signal } = request;
  const { source, manager } = plan;
  const buildDir = path.join(source.root, source.appDir, '.tako', 'build');
  const workspace = path.join(buildDir, 'work');
  await createBuildDirectory(buildDir);
  const cache = openArtifactCache(path.join(buildDir, 'cache'));
  const installDir = manager?.installDir ?? source.appDir;
  const found = await cache.find(plan.key, signal);
  const result = {
    version: plan.version,
    appDir: source.appDir,
    installDir,
    packageManager: request.config.output.isSelfContained ? null : (manager?.manager ?? null),
    commit: source.git?.commit ?? null,
    dirty: source.git?.dirty ?? false,
  };
  if (found !== null) {
    task.conclude('from cache');
    return { ...result, artifact: found, cached: true, main: found.main };
  }
  await task.run('Copy sources', async (copying) => {
    await createWorkspace(
      workspace,
      { root: source.root, files: plan.files, sourceHash: plan.sourceHash },
      signal,
    );
    copying.conclude(`${plan.files.length} files`);
  });
  const { steps, excludes } = plan.steps;
  const { env, app } = request;
  const rootVariable = request.config.output.standalone?.rootVariable ?? null;
  const vars = rootVariable === null ? {} : { [rootVariable]: workspace };
  await runBuildSteps(steps, { workspace, app, appDir: source.appDir, installDir, env, vars, signal }, task);
  const { main, modules } = await findProgram(request, { workspace, appDir: source.appDir });
  const artifact = await task.run('Archive', async (packing) => {
    const { assets } = request.config;
    const entries = await listArtifactEntries({
      workspace,
      appDir: source.appDir,
      installDir,
      include: includeOf(request.config),
      excludes,
      assets,
      modules,
    });
    const stored = await cache.store(plan.key, { entries, main }, signal);
    packing.conclude(`${entries.length} entries, ${formatBytes(stored.sizeBytes)}`);
    await cache.prune(plan.key);
    return stored;
  });
  return { ...result, artifact, cached: false, main };
}
