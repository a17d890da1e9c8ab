import { appendFile, readdir, utimes } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { openTempDirectory } from '../testing/temp-directory.ts';
import { openArtifactCache, type ArtifactContents } from './artifact-cache.ts';
import { listArtifactEntries, noModules } from './artifact-entries.ts';

async function contents(workspace: string, main: string | null = null): Promise<ArtifactContents> {
  const selection = {
    workspace,
    appDir: '.',
    installDir: '.',
    include: [],
    excludes: [],
    assets: [],
    modules: noModules,
  };
  return { entries: await listArtifactEntries(selection), main };
}

it('finds what was stored under the same key, with its entry file', async () => {
  await using work = await openTempDirectory();
  await work.write({ 'a.txt': 'a' });
  await using dir = await openTempDirectory();
  const cache = openArtifactCache(path.join(dir.path, 'cache'));
  expect(await cache.find('k1')).toBeNull();
  const stored = await cache.store('k1', await contents(work.path, 'a.txt'));
  expect(await cache.find('k1')).toEqual(stored);
  expect(stored.main).toBe('a.txt');
  expect(await cache.find('k2')).toBeNull();
});

it('drops an entry whose bytes changed instead of using it', async () => {
  await using work = await openTempDirectory();
  await work.write({ 'a.txt': 'a' });
  await using dir = await openTempDirectory();
  const cache = openArtifactCache(dir.path);
  const stored = await cache.store('k', await contents(work.path));
  await appendFile(stored.file, 'x');
  expect(await cache.find('k')).toBeNull();
  expect(await readdir(dir.path)).toEqual([]);
});

it('keeps the most recently used up to the number and the bytes allowed, and always the one in use', async () => {
  await using work = await openTempDirectory();
  await work.write({ 'a.txt': 'a' });
  await using dir = await openTempDirectory();
  const cache = openArtifactCache(dir.path, { cacheEntriesMax: 3, cacheBytesMax: 1e9 });
  for (const [index, key] of ['k1', 'k2', 'k3', 'k4'].entries()) {
    await cache.store(key, await contents(work.path));
    await utimes(path.join(dir.path, `${key}.json`), 1000 + index, 1000 + index);
  }
  await cache.find('k1');
  expect(await cache.prune('k2')).toBe(1);
  const left = async (): Promise<string[]> =>
    (await readdir(dir.path)).filter((name) => name.endsWith('.gz')).sort();
  expect(await left()).toEqual(['k1.tar.gz', 'k2.tar.gz', 'k4.tar.gz']);
  const tight = openArtifactCache(dir.path, { cacheEntriesMax: 20, cacheBytesMax: 1 });
  await tight.prune('k1');
  expect(await left()).toEqual(['k1.tar.gz']);
});
