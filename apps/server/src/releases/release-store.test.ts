import { mkdir, readFile, readdir, readlink, symlink, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { DeploymentRecord } from '@tako/store';
import { describe, expect, it } from 'vitest';
import { testRunAs } from '../testing/app-user.ts';
import { eventsOf, temporaryReleaseSide, uploadRelease } from '../testing/release-side.ts';
import { markerName } from './release-marker.ts';

const context = { runAs: testRunAs, signal: new AbortController().signal };
const DAY = 86_400_000;

function record(over: Partial<DeploymentRecord>): DeploymentRecord {
  return {
    id: 'web',
    app: 'web',
    env: 'production',
    currentVersion: null,
    previousVersion: null,
    instancesWanted: 1,
    stopped: false,
    maintenance: false,
    routes: [],
    secretsDigest: '',
    secretNames: [],
    lastError: null,
    createdAt: 1,
    updatedAt: 1,
    ...over,
  };
}

async function temporaryReleases(...versions: string[]) {
  const side = await temporaryReleaseSide();
  for (const version of versions) {
    const request = await uploadRelease(side, [{ name: 'index.js', body: version }], { version });
    await eventsOf(side.preparer.prepare(request, context));
    side.clock.now += 1000;
  }
  const releasesDir = path.join(side.dataDir, 'apps/web/releases');
  return {
    ...side,
    releasesDir,
    names: async () => (await readdir(releasesDir)).toSorted(),
    current: () => readlink(path.join(side.dataDir, 'apps/web/current')),
    [Symbol.asyncDispose]: () => side[Symbol.asyncDispose](),
  };
}

describe('the current link', () => {
  it('points where it is told, is relative, and is never missing in between', async () => {
    await using side = await temporaryReleases('v1', 'v2');
    await side.releases.link('web', 'v1');
    expect(await side.current()).toBe('releases/v1');
    const reader = new AbortController();
    const seen = new Set<string>();
    const reading = (async () => {
      while (!reader.signal.aborted)
        seen.add(await readFile(path.join(side.dataDir, 'apps/web/current/index.js'), 'utf8'));
    })();
    for (let turn = 0; turn < 50; turn += 1) await side.releases.link('web', turn % 2 === 0 ? 'v2' : 'v1');
    reader.abort();
    await reading;
    expect([...seen].every((text) => text === 'v1' || text === 'v2')).toBe(true);
    expect((await readdir(path.join(side.dataDir, 'apps/web'))).toSorted()).toEqual(['current', 'releases']);
  });

  it('follows the row at boot', async () => {
    await using side = await temporaryReleases('v1', 'v2');
    await side.releases.link('web', 'v1');
    await side.releases.reconcile(record({ currentVersion: 'v2' }));
    expect(await side.current()).toBe('releases/v2');
    await side.releases.reconcile(record({ currentVersion: 'v2' }));
    expect(await side.current()).toBe('releases/v2');
    await side.releases.reconcile(record({ currentVersion: null }));
    await expect(side.current()).rejects.toThrow(/ENOENT/);
  });
});

describe('pruning', () => {
  it('removes rows, directories and artifacts of old releases, and spares those in use', async () => {
    await using side = await temporaryReleases('v1', 'v2', 'v3', 'v4');
    side.store.deployments.put(record({ currentVersion: 'v4', previousVersion: 'v2' }));
    side.inUse.add('v1');
    side.clock.now += 31 * DAY;
    for (const name of await readdir(path.join(side.dataDir, 'artifacts')))
      await utimes(path.join(side.dataDir, 'artifacts', name), 1, 1);
    expect(await side.releases.prune('web')).toEqual(['v3']);
    expect(await side.names()).toEqual(['v1', 'v2', 'v4']);
    expect(side.store.releases.list('web').map(({ version }) => version)).toEqual(['v4', 'v2', 'v1']);
    expect(await readdir(path.join(side.dataDir, 'artifacts'))).toHaveLength(3);
  });

  it('that fails is a line in the log', async () => {
    await using side = await temporaryReleases('v1');
    side.store.close();
    expect(await side.releases.prune('web')).toEqual([]);
    expect(side.lines.map((line) => line.msg)).toContain('old releases could not be removed');
  });
});

describe('the sweep at boot', () => {
  it('removes what is half-made, however it looks, and keeps what is whole', async () => {
    await using side = await temporaryReleases('v1');
    const marker = await readFile(path.join(side.releasesDir, 'v1', markerName), 'utf8');
    const fake = async (name: string, files: Record<string, string>) => {
      await mkdir(path.join(side.releasesDir, name), { recursive: true });
      for (const [file, text] of Object.entries(files))
        await writeFile(path.join(side.releasesDir, name, file), text);
    };
    await fake('.v2.0123456789ab', { 'index.js': 'half' });
    await fake('.v1.0123456789ab', { [markerName]: marker });
    await fake('v3', { [markerName]: marker });
    await fake('v4', { [markerName]: 'garbage' });
    await fake('v5', { [markerName]: marker.replace('"v1"', '"v5"'), 'app.json': '{"not": "a manifest"}' });
    await fake('v6', {});
    await symlink('/etc/passwd', path.join(side.releasesDir, 'v6', markerName));
    await writeFile(path.join(side.releasesDir, 'stray'), 'x');
    await mkdir(path.join(side.dataDir, 'apps/.deleted.old.0123456789ab/releases/v1'), { recursive: true });
    await symlink('releases/v1', path.join(side.dataDir, 'apps/web/current.0123456789ab'));
    const { removed, recovered } = await side.releases.sweep();
    expect(await side.names()).toEqual(['v1']);
    expect(recovered).toEqual([]);
    expect(removed.map((name) => path.basename(name)).toSorted()).toEqual(
      [
        '.deleted.old.0123456789ab',
        '.v1.0123456789ab',
        '.v2.0123456789ab',
        'stray',
        'v3',
        'v4',
        'v5',
        'v6',
      ].toSorted(),
    );
    expect(await readdir(path.join(side.dataDir, 'apps'))).toEqual(['web']);
    expect(await readdir(path.join(side.dataDir, 'apps/web'))).toEqual(['releases']);
    expect(await readFile('/etc/passwd', 'utf8')).toContain('root');
  });

  it('gives whole releases their rows back, as after the loss of the state', async () => {
    await using side = await temporaryReleases('v1', 'v2');
    const rows = side.store.releases.list('web');
    for (const { version } of rows) side.store.releases.delete('web', version);
    expect((await side.releases.sweep()).recovered.toSorted()).toEqual(['web/v1', 'web/v2']);
    expect(
      side.store.releases.list('web').map(({ version, sha256, manifest }) => ({ version, sha256, manifest })),
    ).toEqual(rows.map(({ version, sha256, manifest }) => ({ version, sha256, manifest })));
  });
});

describe('what was prepared and never deployed', () => {
  it('is pruned by the sweep, too, with its artifact', async () => {
    await using side = await temporaryReleases('v1');
    for (const name of await readdir(path.join(side.dataDir, 'artifacts'))) {
      await utimes(path.join(side.dataDir, 'artifacts', name), 1, 1);
    }
    side.clock.now += 29 * DAY;
    await side.releases.sweep();
    expect(await side.names()).toEqual(['v1']);
    expect(await readdir(path.join(side.dataDir, 'artifacts'))).toHaveLength(1);
    side.clock.now += 2 * DAY;
    await side.releases.sweep();
    expect(await side.names()).toEqual([]);
    expect(await readdir(path.join(side.dataDir, 'artifacts'))).toEqual([]);
  });
});

it('knows which runtimes its releases were prepared with', async () => {
  await using side = await temporaryReleases('v1');
  expect(await side.releases.toolsInUse()).toEqual(new Set());
  const marker = path.join(side.releasesDir, 'v1', markerName);
  await writeFile(
    marker,
    (await readFile(marker, 'utf8')).replace('"tools": {}', '"tools": { "node": "26.1.0" }'),
  );
  expect(await side.releases.toolsInUse()).toEqual(new Set(['node/26.1.0']));
});

describe('removing a deployment', () => {
  it('takes everything of it and nothing of another; again it does nothing', async () => {
    await using side = await temporaryReleases('v1');
    await mkdir(path.join(side.dataDir, 'apps/web/shared/data'), { recursive: true });
    await mkdir(path.join(side.dataDir, 'apps/web2'));
    await side.releases.remove('web');
    await side.releases.remove('web');
    expect(await readdir(path.join(side.dataDir, 'apps'))).toEqual(['web2']);
  });

  it('makes no path of an id that is none', async () => {
    await using side = await temporaryReleases();
    await expect(side.releases.remove('../artifacts')).rejects.toMatchObject({ code: 'NAME_INVALID' });
    expect(() => side.releases.releaseDir('web', '..')).toThrow(
      expect.objectContaining({ code: 'NAME_INVALID' }),
    );
  });
});
