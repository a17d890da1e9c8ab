import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { createGitRepository, gitEnvironment } from '../testing/git-repository.ts';
import { recordEvents } from '../testing/recorded-events.ts';
import { openTempDirectory } from '../testing/temp-directory.ts';
import type { BuildConfig } from './build-plan.ts';
import { planBuild, runBuild, type Build, type BuildPlan, type BuildRequest } from './build.ts';

const config: BuildConfig = {
  run: null,
  install: null,
  cwd: null,
  include: [],
  exclude: [],
  stages: [],
  assets: [],
  output: { standalone: null, isSelfContained: false, isSite: false, exclude: [] },
  runtime: 'node',
  runtimeVersion: null,
  packageManager: null,
};

interface Outcome {
  readonly plan: BuildPlan;
  readonly build: Build;
  readonly printed: string[];
  readonly titles: string[];
}

async function buildProject(
  projectDir: string,
  own: Partial<BuildConfig> = {},
  more: Partial<BuildRequest> = {},
): Promise<Outcome> {
  const recorded = recordEvents();
  const request: BuildRequest = {
    projectDir,
    app: 'demo',
    config: { ...config, ...own },
    main: null,
    needsMain: true,
    target: { arch: 'x64' },
    env: gitEnvironment(),
    signal: new AbortController().signal,
    ...more,
  };
  const plan = await planBuild(request, recorded.task);
  const build = await recorded.task.run('Build', (task) => runBuild(request, plan, task));
  return {
    plan,
    build,
    printed: recorded.of('task.printed').map((event) => event.text),
    titles: recorded.of('task.started').map((event) => event.title),
  };
}

it('gives a clean tree the commit as its version, a dirty one a hash behind it, and none nogit', async () => {
  await using dir = await openTempDirectory();
  await dir.write({ 'index.js': '1' });
  const bare = await buildProject(dir.path);
  expect(bare.build.version).toMatch(/^nogit_[0-9a-f]{8}$/);
  const repository = await createGitRepository(dir.path);
  const id = await repository.commit('say something');
  const clean = await buildProject(dir.path);
  expect(clean.build).toMatchObject({
    version: id.slice(0, 12),
    dirty: false,
    commit: { id, subject: 'say something' },
  });
  await dir.write({ 'index.js': '2' });
  const dirty = await buildProject(dir.path);
  expect(dirty.build.version).toBe(`${id.slice(0, 12)}_${dirty.plan.sourceHash.slice(0, 8)}`);
});

it('runs the steps in the copy, never in the sources, and takes what they wrote', async () => {
  await using dir = await openTempDirectory();
  await dir.write({ 'src.txt': 'hello', 'tako.toml': '' });
  const { build, printed, titles } = await buildProject(
    dir.path,
    { run: 'mkdir dist && tr a-z A-Z < src.txt > dist/main.js && echo built "$TAKO_APP" && echo >&2 warn' },
    { main: 'dist/main.js' },
  );
  expect(printed.sort()).toEqual(['built demo', 'warn']);
  expect(titles).toEqual(['Build', 'Copy sources', 'Build', 'Archive']);
  expect(build).toMatchObject({ main: 'dist/main.js', cached: false });
  await expect(readFile(path.join(dir.path, 'dist/main.js'))).rejects.toMatchObject({ code: 'ENOENT' });
});

it('uses the cache for equal inputs, and builds again when any input changed', async () => {
  await using dir = await openTempDirectory();
  await dir.write({ 'index.js': '1' });
  const first = await buildProject(dir.path, { run: 'date +%N > stamp' });
  const again = await buildProject(dir.path, { run: 'date +%N > stamp' });
  expect(again.build).toEqual({ ...first.build, cached: true });
  expect(again.titles).toEqual(['Build']);
  const keys = new Set<string>([first.plan.key]);
  for (const change of [
    { run: 'true' },
    { exclude: ['x'] },
    { include: ['x', 'index.js'] },
    { runtime: 'bun' as const },
    { runtimeVersion: '26' },
    { stages: [{ name: null, cwd: null, install: null, run: 'true', exclude: [] }] },
  ]) {
    keys.add((await buildProject(dir.path, change)).plan.key);
  }
  keys.add((await buildProject(dir.path, {}, { target: { arch: 'arm64' } })).plan.key);
  keys.add((await buildProject(dir.path, {}, { main: 'index.js' })).plan.key);
  expect(keys.size).toBe(9);
});

it('gives the same bytes for the same tree in another place', async () => {
  await using a = await openTempDirectory();
  await using b = await openTempDirectory();
  await a.write({ 'index.js': '1', 'x/y.txt': 'y' });
  await b.write({ 'x/y.txt': 'y', 'index.js': '1' });
  const [one, two] = [await buildProject(a.path), await buildProject(b.path)];
  expect(two.build.artifact.sha256).toBe(one.build.artifact.sha256);
  expect(two.plan.key).toBe(one.plan.key);
});

it('shows a failed step with its exit code and last lines, and stores nothing', async () => {
  await using dir = await openTempDirectory();
  await dir.write({ 'index.js': '1' });
  const run = 'for i in $(seq 60); do echo line $i; done; exit 3';
  await expect(buildProject(dir.path, { run })).rejects.toMatchObject({
    code: 'BUILD_FAILED',
    details: { exitCode: 3, lastLines: expect.arrayContaining(['line 11', 'line 60']) },
  });
  await expect(readFile(path.join(dir.path, '.tako/build/cache'))).rejects.toMatchObject({ code: 'ENOENT' });
});

it('ends the whole process group of a step on abort', async () => {
  await using dir = await openTempDirectory();
  await dir.write({ 'index.js': '1' });
  const pidFile = path.join(dir.path, 'grandchild.pid');
  const abort = new AbortController();
  const recorded = recordEvents();
  const request: BuildRequest = {
    projectDir: dir.path,
    app: 'demo',
    config: { ...config, run: `sleep 300 & echo $! > ${pidFile}; echo started; wait` },
    main: null,
    needsMain: true,
    target: { arch: 'x64' },
    env: gitEnvironment(),
    signal: abort.signal,
  };
  const plan = await planBuild(request, recorded.task);
  const running = recorded.task.run('Build', (task) => runBuild(request, plan, task));
  const watch = recorded.events;
  const push = watch.push.bind(watch);
  watch.push = (...events) => {
    if (events.some((event) => event.type === 'task.printed')) abort.abort();
    return push(...events);
  };
  await expect(running).rejects.toMatchObject({ name: 'AbortError' });
  const pid = Number(await readFile(pidFile, 'utf8'));
  await expect.poll(() => isAlive(pid)).toBe(false);
});

/** Gone, or dead and waiting for a parent that never asks (a container without an init). */
function isAlive(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

it('finds main in package.json and by the usual names, and says what is missing', async () => {
  await using dir = await openTempDirectory();
  await dir.write({ 'package.json': '{"main":"./lib/app.js"}', 'lib/app.js': '', 'index.js': '' });
  expect((await buildProject(dir.path)).build.main).toBe('lib/app.js');
  await expect(buildProject(dir.path, {}, { main: 'nope.js' })).rejects.toMatchObject({
    code: 'MAIN_NOT_FOUND',
  });
  await using empty = await openTempDirectory();
  await empty.write({ 'readme.txt': '' });
  await expect(buildProject(empty.path)).rejects.toMatchObject({ code: 'MAIN_NOT_FOUND' });
  expect((await buildProject(empty.path, {}, { needsMain: false })).build.main).toBeNull();
});

it('installs exactly the lockfile in a monorepo, at its root, and leaves node_modules out', async () => {
  await using dir = await openTempDirectory();
  await dir.write({
    'package.json': JSON.stringify({ name: 'root', private: true, workspaces: ['apps/*', 'libs/*'] }),
    'apps/web/package.json': JSON.stringify({
      name: 'web',
      scripts: { build: 'node build.mjs' },
      dependencies: { lib: '1.0.0' },
    }),
    'apps/web/build.mjs':
      "import fs from 'node:fs'; import { word } from 'lib'; fs.writeFileSync('main.mjs', word);",
    'libs/lib/package.json': JSON.stringify({
      name: 'lib',
      version: '1.0.0',
      type: 'module',
      main: 'index.js',
    }),
    'libs/lib/index.js': "export const word = 'console.log(1)';",
  });
  await lock(dir.path);
  const { build, plan, titles } = await buildProject(
    path.join(dir.path, 'apps/web'),
    {},
    {
      main: 'main.mjs',
      env: { ...gitEnvironment(), HOME: dir.path },
    },
  );
  expect(plan.source).toMatchObject({ root: dir.path, appDir: 'apps/web' });
  expect(build).toMatchObject({ installDir: '.', appDir: 'apps/web', packageManager: 'npm' });
  expect(titles).toContain('Install dependencies');
}, 60_000);

/** The lockfile that npm writes for the two workspaces above; nothing comes from a registry. */
async function lock(root: string): Promise<void> {
  const packages = {
    '': { name: 'root', workspaces: ['apps/*', 'libs/*'] },
    'apps/web': { name: 'web', dependencies: { lib: '1.0.0' } },
    'libs/lib': { version: '1.0.0' },
    'node_modules/lib': { resolved: 'libs/lib', link: true },
    'node_modules/web': { resolved: 'apps/web', link: true },
  };
  await mkdir(root, { recursive: true });
  await writeFile(
    path.join(root, 'package-lock.json'),
    JSON.stringify({ name: 'root', lockfileVersion: 3, requires: true, packages }),
  );
}

it('refuses dependencies without a lockfile, unless tako.toml says how to install', async () => {
  await using dir = await openTempDirectory();
  await dir.write({ 'package.json': '{"dependencies":{"x":"1"}}', 'index.js': '' });
  await expect(buildProject(dir.path)).rejects.toMatchObject({ code: 'LOCKFILE_MISSING' });
  expect((await buildProject(dir.path, { install: '' })).build.main).toBe('index.js');
});
