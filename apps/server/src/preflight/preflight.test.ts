import path from 'node:path';
import { openStore } from '@tako/store';
import { describe, expect, it } from 'vitest';
import { temporaryDirectory } from '../testing/temporary-directory.ts';
import { preflightLimits } from './limits.ts';
import { type FreeSpace, type PreflightDeps, type PreflightRequest, runPreflight } from './preflight.ts';

const enough: FreeSpace = { bytes: preflightLimits.freeBytesMin, inodes: preflightLimits.freeInodesMin };

async function temporaryServer() {
  const directory = await temporaryDirectory();
  const store = openStore({ file: path.join(directory.path, 'state.sqlite3') });
  const base = {
    app: 'x',
    env: 'production',
    currentVersion: null,
    previousVersion: null,
    instancesWanted: 1,
    stopped: false,
    maintenance: false,
  };
  const rest = { secretsDigest: '', secretNames: [], lastError: null, createdAt: 1, updatedAt: 1 };
  store.deployments.put({ id: 'shop', ...base, routes: ['shop.example.com', 'example.com/api/*'], ...rest });
  const deps: PreflightDeps = {
    dataDir: directory.path,
    store,
    arch: 'x64',
    isUpgrading: () => false,
    hasDnsProvider: false,
    certificateNames: () => [],
    freeSpace: async () => enough,
  };
  const request: PreflightRequest = {
    deploymentId: 'web',
    routes: ['web.example.com'],
    arch: 'x64',
    artifactBytes: 0,
  };
  return {
    async codes(overDeps: Partial<PreflightDeps> = {}, overRequest: Partial<PreflightRequest> = {}) {
      const { problems } = await runPreflight({ ...deps, ...overDeps }, { ...request, ...overRequest });
      return problems.map((problem) => `${problem.severity} ${problem.code}`);
    },
    run: (over: Partial<PreflightRequest>) => runPreflight(deps, { ...request, ...over }),
    deps,
    request,
    async [Symbol.asyncDispose]() {
      store.close();
      await directory[Symbol.asyncDispose]();
    },
  };
}

describe('preflight', () => {
  it('finds nothing where nothing is wrong, asking the real file system, too', async () => {
    await using server = await temporaryServer();
    expect(await server.codes()).toEqual([]);
    const { freeSpace: _freeSpace, ...real } = server.deps;
    const { problems } = await runPreflight(real, server.request);
    expect(
      problems.filter((problem) => problem.code !== 'DISK_FULL' && problem.code !== 'INODES_LOW'),
    ).toEqual([]);
  });

  it('wants room, at the limit and one below it', async () => {
    await using server = await temporaryServer();
    const freeSpace = (change: Partial<FreeSpace>) => ({
      freeSpace: async () => ({ ...enough, ...change }),
    });
    expect(await server.codes(freeSpace({ bytes: enough.bytes - 1 }))).toEqual(['error DISK_FULL']);
    expect(await server.codes(freeSpace({ inodes: enough.inodes - 1 }))).toEqual(['error INODES_LOW']);
    expect(await server.codes(freeSpace({ inodes: Infinity }))).toEqual([]);
    const third = enough.bytes / preflightLimits.freeSpaceFactor;
    expect(await server.codes({}, { artifactBytes: Math.floor(third) })).toEqual([]);
    expect(await server.codes({}, { artifactBytes: Math.ceil(third) + 1 })).toEqual(['error DISK_FULL']);
  });

  it('names each route that is taken and by whom; other paths and the own ones are free', async () => {
    await using server = await temporaryServer();
    const { problems } = await server.run({
      routes: ['SHOP.example.com', 'example.com/api/*', 'example.com/other/*'],
    });
    expect(problems.map((problem) => problem.message)).toEqual([
      'The route SHOP.example.com belongs to shop; web cannot have it.',
      'The route example.com/api/* belongs to shop; web cannot have it.',
    ]);
    expect(await server.codes({}, { deploymentId: 'shop', routes: ['shop.example.com'] })).toEqual([]);
    expect(await server.codes({}, { routes: ['not a route'] })).toEqual(['error ROUTE_INVALID']);
  });

  it('tells another processor and an upgrade', async () => {
    await using server = await temporaryServer();
    expect(await server.codes({ isUpgrading: () => true }, { arch: 'arm64' })).toEqual([
      'error SERVER_UPGRADING',
      'error ARCH_MISMATCH',
    ]);
  });

  it('warns of a wildcard that nobody has a certificate for, once a host', async () => {
    await using server = await temporaryServer();
    const routes = ['*.example.com', '*.example.com/api/*', 'web.example.com'];
    expect(await server.codes({}, { routes })).toEqual(['warning WILDCARD_WITHOUT_CERTIFICATE']);
    expect(await server.codes({ hasDnsProvider: true }, { routes })).toEqual([]);
    expect(await server.codes({ certificateNames: () => ['*.example.com'] }, { routes })).toEqual([]);
    expect(await server.codes({ certificateNames: () => ['*.other.com'] }, { routes })).toHaveLength(1);
  });

  it('tells everything at once, errors first', async () => {
    await using server = await temporaryServer();
    const codes = await server.codes(
      { freeSpace: async () => ({ bytes: 0, inodes: 0 }) },
      { arch: 'riscv64', routes: ['*.shop.example.com', 'shop.example.com'] },
    );
    expect(codes).toEqual([
      'error ARCH_MISMATCH',
      'error DISK_FULL',
      'error INODES_LOW',
      'error ROUTE_CONFLICT',
      'warning WILDCARD_WITHOUT_CERTIFICATE',
    ]);
  });
});
