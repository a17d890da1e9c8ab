import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, mkdir, readFile, readdir, watch } from 'node:fs/promises';
import path from 'node:path';
import type { PrepareEvent } from '@tako/protocol';
import { describe, expect, it } from 'vitest';
import { isRoot, testRunAs } from '../testing/app-user.ts';
import { isRunning } from '../testing/process-liveness.ts';
import { eventsOf, temporaryReleaseSide, uploadRelease } from '../testing/release-side.ts';
import { type ArchiveEntry, writeArchive } from '../testing/tar-archive.ts';
import { temporaryDirectory } from '../testing/temporary-directory.ts';

const signal = new AbortController().signal;
const context = { runAs: testRunAs, signal };

/** A project with one production dependency that comes as a tarball inside it, and one for development. */
async function npmProject(postinstall: string): Promise<ArchiveEntry[]> {
  await using scratch = await temporaryDirectory();
  const file = path.join(scratch.path, 'dep.tgz');
  const dependency = { name: 'dep', version: '1.0.0', main: 'index.js' };
  await writeArchive(file, [
    { name: 'package/package.json', body: JSON.stringify(dependency) },
    { name: 'package/index.js', body: 'module.exports = "dep";' },
  ]);
  const bytes = await readFile(file);
  const integrity = `sha512-${createHash('sha512').update(bytes).digest('base64')}`;
  const project = {
    name: 'web',
    version: '1.0.0',
    scripts: { postinstall },
    dependencies: { dep: 'file:dep.tgz' },
    devDependencies: { never: '1.0.0' },
  };
  const root = {
    name: 'web',
    version: '1.0.0',
    hasInstallScript: true,
    dependencies: project.dependencies,
    devDependencies: project.devDependencies,
  };
  const lock = {
    name: 'web',
    version: '1.0.0',
    lockfileVersion: 3,
    requires: true,
    packages: {
      '': root,
      'node_modules/dep': { version: '1.0.0', resolved: 'file:dep.tgz', integrity },
      'node_modules/never': {
        version: '1.0.0',
        resolved: 'http://127.0.0.1:9/never.tgz',
        integrity,
        dev: true,
      },
    },
  };
  return [
    { name: 'package.json', body: JSON.stringify(project) },
    { name: 'package-lock.json', body: JSON.stringify(lock) },
    { name: 'dep.tgz', body: bytes },
    { name: 'index.js', body: 'require("dep")' },
  ];
}

const npm = { package_manager: 'npm' } as const;
const outputs = (events: readonly PrepareEvent[]) =>
  events.flatMap((event) => (event.type === 'output' ? [event.text] : []));

describe('production dependencies', () => {
  it('are installed as the app’s user, in a clean environment, from the lockfile', async () => {
    await using side = await temporaryReleaseSide('http://127.0.0.1:9');
    const facts =
      'console.log("FACTS " + JSON.stringify({uid: process.getuid(), home: process.env.HOME, names: Object.keys(process.env)}))';
    const entries = await npmProject(`node -e '${facts}' > facts.txt`);
    const request = await uploadRelease(side, entries, npm);
    const events = await eventsOf(side.preparer.prepare(request, context));
    expect(events.at(-1)).toMatchObject({ type: 'prepared', existing: false });
    expect(outputs(events).join('\n')).toMatch(/added 1 package/);
    const release = side.releases.releaseDir('web', 'v1');
    expect(
      (await readdir(path.join(release, 'node_modules'))).filter((name) => !name.startsWith('.')),
    ).toEqual(['dep']);
    const seen: { uid: number; home: string; names: string[] } = JSON.parse(
      (await readFile(path.join(release, 'facts.txt'), 'utf8')).replace('FACTS ', ''),
    );
    expect(seen.uid).toBe(testRunAs?.uid ?? process.getuid?.());
    expect(seen.home).toMatch(/releases\/\.v1\.[0-9a-f]+\.home-/);
    const ours =
      /^(?:npm_|NPM_CONFIG_REGISTRY$|PATH$|HOME$|TMPDIR$|LANG$|CI$|NODE_ENV$|NO_COLOR$|BUN_|YARN_|pnpm_|TAKO_APP$|TAKO_ENV$|INIT_CWD$|NODE$|EDITOR$|COLOR$|PWD$|TAKO_PROGRAM$|_$|OLDPWD$|SHLVL$)/;
    expect(seen.names.filter((name) => !ours.test(name))).toEqual([]);
    expect(existsSync(seen.home)).toBe(false);
    expect((await readdir(side.runtimes.cache.dirOf(testRunAs))).length).toBeGreaterThan(0);
  }, 60_000);

  it('that cannot be installed fail the preparation with the last lines, and nothing is left', async () => {
    await using side = await temporaryReleaseSide('http://127.0.0.1:9');
    const entries = await npmProject('echo about to fail; exit 7');
    const request = await uploadRelease(side, entries, npm);
    await expect(eventsOf(side.preparer.prepare(request, context))).rejects.toMatchObject({
      code: 'DEPENDENCY_INSTALL_FAILED',
      message: expect.stringMatching(/`npm ci --omit=dev` ended with exit code 7:[\s\S]*exit 7/),
      details: { exitCode: 7, lastLines: expect.any(Array) },
    });
    expect(await readdir(path.join(side.dataDir, 'apps/web/releases'))).toEqual([]);
    expect(side.store.releases.list('web')).toEqual([]);
  }, 60_000);

  it('stop with the signal, with everything that was started', async () => {
    await using side = await temporaryReleaseSide('http://127.0.0.1:9');
    const told = path.join(side.scratch, 'told');
    await mkdir(told);
    await chmod(told, 0o777);
    const entries = await npmProject(`echo $$ $HOME > ${told}/part; mv ${told}/part ${told}/whole; sleep 60`);
    const request = await uploadRelease(side, entries, npm);
    const controller = new AbortController();
    const watching = (async () => {
      for await (const { filename } of watch(told)) if (filename === 'whole') break;
      controller.abort(new Error('client went away'));
    })();
    const preparing = eventsOf(
      side.preparer.prepare(request, { runAs: testRunAs, signal: controller.signal }),
    );
    await expect(preparing).rejects.toThrow('client went away');
    await watching;
    const [pid, home] = (await readFile(path.join(told, 'whole'), 'utf8')).trim().split(' ');
    expect(await isRunning(Number(pid))).toBe(false);
    expect(existsSync(home!)).toBe(false);
    expect(await readdir(path.join(side.dataDir, 'apps/web/releases'))).toEqual([]);
  }, 60_000);

  it('stop when the reader goes away', async () => {
    await using side = await temporaryReleaseSide('http://127.0.0.1:9');
    const request = await uploadRelease(side, await npmProject('true'), npm);
    for await (const event of side.preparer.prepare(request, context)) if (event.type === 'output') break;
    expect(await readdir(path.join(side.dataDir, 'apps/web/releases'))).toEqual([]);
  }, 60_000);

  it('are skipped where there are none, without starting anything', async () => {
    await using side = await temporaryReleaseSide('http://127.0.0.1:9');
    const request = await uploadRelease(
      side,
      [
        { name: 'index.js', body: '' },
        { name: 'package.json', body: '{}' },
      ],
      npm,
    );
    const events = await eventsOf(side.preparer.prepare(request, context));
    expect(outputs(events)).toEqual([]);
    expect(events.at(-1)?.type).toBe('prepared');
  });
});

it.runIf(isRoot)('an install never runs as root: without another user it is refused', async () => {
  await using side = await temporaryReleaseSide('http://127.0.0.1:9');
  const request = await uploadRelease(side, await npmProject('true'), npm);
  await expect(eventsOf(side.preparer.prepare(request, { runAs: null, signal }))).rejects.toMatchObject({
    code: 'APP_USER_INVALID',
  });
  expect(await readdir(path.join(side.dataDir, 'apps/web/releases'))).toEqual([]);
});
