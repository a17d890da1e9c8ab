import { mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { testRunAs } from '../testing/app-user.ts';
import { recordingLog } from '../testing/silent-log.ts';
import { temporaryDirectory } from '../testing/temporary-directory.ts';
import { PackageCache } from './package-cache.ts';

it('is the user’s own', async () => {
  await using directory = await temporaryDirectory();
  const cache = new PackageCache(directory.path, recordingLog().log);
  expect(cache.dirOf({ uid: 1, gid: 1 })).not.toBe(cache.dirOf({ uid: 2, gid: 2 }));
  using borrowed = await cache.borrow(testRunAs);
  expect(borrowed.dir).toBe(cache.dirOf(testRunAs));
  expect((await stat(borrowed.dir)).uid).toBe(testRunAs?.uid ?? process.getuid?.());
});

it('is emptied above its limit, but never under an install', async () => {
  await using directory = await temporaryDirectory();
  const bytesMax = 1024 * 1024;
  const cache = new PackageCache(directory.path, recordingLog().log, bytesMax);
  const fill = async (name: string, bytes: number) => {
    await mkdir(path.join(directory.path, name), { recursive: true });
    await writeFile(path.join(directory.path, name, 'blob'), Buffer.alloc(bytes, 1));
  };
  await fill('1001', bytesMax / 2);
  await fill('1002', bytesMax + 1);
  await fill('daemon', bytesMax + 1);
  const first = await cache.borrow(null);
  const second = await cache.borrow(null);
  expect(await cache.sweep()).toEqual([path.join(directory.path, '1002')]);
  first[Symbol.dispose]();
  expect(await cache.sweep()).toEqual([]);
  second[Symbol.dispose]();
  expect(await cache.sweep()).toEqual([path.join(directory.path, 'daemon')]);
  expect(await readdir(directory.path)).toEqual(['1001']);
});
