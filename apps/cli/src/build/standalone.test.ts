// Builds by presets whose framework makes a program of its own: what of it is packed, and what would be installed.
import { readFileSync } from 'node:fs';
import { readlink, symlink } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { parseProject, presets, type Server } from '@tako/config';
import { gitEnvironment } from '../testing/git-repository.ts';
import { recordEvents } from '../testing/recorded-events.ts';
import { openTempDirectory } from '../testing/temp-directory.ts';
import { listArtifactEntries } from './artifact-entries.ts';
import { planBuild, runBuild } from './build.ts';
import { presetOutput, thisMachine, type PresetOutput } from './preset-output.ts';
import { completeStandalone } from './standalone-program.ts';

const nextjs = presets.nextjs.standalone;
const place = { workspace: '', appDir: '.', isSelfContained: true };

const nextTree = (base = ''): Record<string, string> => ({
  [`${base}.next/static/a.js`]: 'static',
  [`${base}public/robots.txt`]: 'public',
  [`${base}.next/standalone/${base}server.js`]: 'server',
  [`${base}.next/standalone/node_modules/next/index.js`]: 'next',
  'node_modules/next/index.js': 'next',
});

async function packed(workspace: string, appDir: string, isSelfContained: boolean) {
  const { main, modules } = await completeStandalone(nextjs, { workspace, appDir, isSelfContained });
  const selection = { workspace, appDir, installDir: '.', include: [], excludes: [], assets: [], modules };
  const entries = await listArtifactEntries(selection);
  const links = entries.flatMap(({ name, target }) => (target === null ? [] : [[name, target]]));
  const files = entries.flatMap(({ kind, name }) => (kind === 'file' ? [name] : []));
  return { main, links: Object.fromEntries(links) as Record<string, string>, files };
}

it('keeps the packages that the build traced, and copies static and public files to where its server looks', async () => {
  await using dir = await openTempDirectory();
  await dir.write(nextTree());
  const { main, files, links } = await packed(dir.path, '.', true);
  expect(main).toBe('.next/standalone/server.js');
  expect(files).toEqual(
    expect.arrayContaining([
      '.next/standalone/node_modules/next/index.js',
      '.next/standalone/.next/static/a.js',
      '.next/standalone/public/robots.txt',
    ]),
  );
  expect(files).not.toContain('node_modules/next/index.js');
  expect(links).toEqual({});
});

it('links to what the server installs for its own platform instead, through hashed names, too', async () => {
  await using dir = await openTempDirectory();
  await dir.write({ ...nextTree(), '.next/standalone/.next/node_modules/.keep': '' });
  await symlink(
    '../../node_modules/next',
    path.join(dir.path, '.next/standalone/.next/node_modules/next-0a1b'),
  );
  const { files, links } = await packed(dir.path, '.', false);
  expect(files.filter((name) => name.includes('node_modules/next'))).toEqual([]);
  expect(links).toEqual({
    '.next/standalone/node_modules': '../../node_modules',
    '.next/standalone/.next/node_modules/next-0a1b': '../../node_modules/next',
  });
});

it('finds the program of a workspace below the path of the app, with both places of packages', async () => {
  await using dir = await openTempDirectory();
  await dir.write(nextTree('apps/web/'));
  expect(await packed(dir.path, 'apps/web', false)).toMatchObject({
    main: '.next/standalone/apps/web/server.js',
    links: {
      'apps/web/.next/standalone/node_modules': '../../../../node_modules',
      'apps/web/.next/standalone/apps/web/node_modules': '../../../../node_modules',
    },
  });
  expect((await packed(dir.path, 'apps/web', true)).files).toContain(
    'apps/web/.next/standalone/apps/web/.next/static/a.js',
  );
});

it('says what to set when the build made no such program', async () => {
  await using dir = await openTempDirectory();
  await expect(completeStandalone(nextjs, { ...place, workspace: dir.path })).rejects.toMatchObject({
    code: 'MAIN_NOT_FOUND',
    message: expect.stringContaining('.next/standalone/server.js') as string,
    hint: expect.stringContaining("output: 'standalone'") as string,
  });
});

const outputOf = (toml: string, servers: readonly Pick<Server, 'arch' | 'libc'>[]): PresetOutput => {
  const text = `preset = "nextjs"\n${toml}\n[envs.production]\nroute = "a.example.com"\n`;
  const project = parseProject(text, { file: 'tako.toml', directoryName: 'a' });
  return presetOutput(project.resolved['production']!, servers, {
    platform: 'linux',
    arch: 'x64',
    libc: 'glibc',
  });
};

it('brings the packages along only to servers of this very platform, and where nothing else needs any', () => {
  const same = { arch: 'x64', libc: 'glibc' } as const;
  expect(outputOf('', [same, same]).isSelfContained).toBe(true);
  for (const other of [
    { ...same, arch: 'arm64' },
    { ...same, libc: 'musl' },
    { arch: null, libc: null },
  ] as const)
    expect(outputOf('', [same, other])).toMatchObject({ isSelfContained: false, standalone: nextjs });
  expect(outputOf('release_command = "npm run migrate"', [same]).isSelfContained).toBe(false);
  expect(outputOf('[[processes]]\nname = "w"\nrun = "node w.js"', [same]).isSelfContained).toBe(false);
  expect(outputOf('start = ["node", "x.js"]', [same])).toMatchObject({
    isSelfContained: false,
    standalone: null,
  });
  expect(thisMachine()).toMatchObject({ platform: process.platform, arch: process.arch });
});

it('tells the build where the tree ends, and packs only the program that it made', async () => {
  await using dir = await openTempDirectory();
  await dir.write({
    'package.json': '{}',
    'source.txt': 'not needed',
    'build.sh': `mkdir -p .next/standalone && echo "$NEXT_PRIVATE_OUTPUT_TRACE_ROOT" > .next/standalone/server.js`,
  });
  const recorded = recordEvents();
  const request = {
    projectDir: dir.path,
    app: 'demo',
    config: {
      run: 'sh build.sh',
      install: null,
      cwd: null,
      include: [],
      exclude: [],
      stages: [],
      assets: [],
      output: { standalone: nextjs, isSelfContained: true, isSite: false, exclude: [] },
      runtime: 'node',
      runtimeVersion: null,
      packageManager: null,
    },
    main: null,
    needsMain: true,
    target: { arch: 'x64-glibc' },
    env: gitEnvironment(),
    signal: new AbortController().signal,
  } as const;
  const plan = await planBuild(request, recorded.task);
  const build = await runBuild(request, plan, recorded.task);
  expect(build).toMatchObject({ main: '.next/standalone/server.js', packageManager: null });
  const workspace = path.join(dir.path, '.tako/build/work');
  expect(readFileSync(path.join(workspace, '.next/standalone/server.js'), 'utf8').trim()).toBe(workspace);
  await expect(readlink(path.join(workspace, '.next/standalone/node_modules'))).rejects.toMatchObject({
    code: 'ENOENT',
  });
});
