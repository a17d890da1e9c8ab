import { readFile, readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryDirectory } from '../testing/temporary-directory.ts';
import { createWholeFile, errorCode, sweepTemporaryFiles } from './durable-file.ts';

/** Takes a while to write, so that whoever looks meanwhile would see a part of it. */
const big = Buffer.alloc(16 * 2 ** 20, 'x');

async function lengthOf(file: string): Promise<number | null> {
  try {
    return (await readFile(file)).length;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return null;
    throw error;
  }
}

async function modesIn(directory: string): Promise<number[]> {
  const found = await Promise.allSettled(
    (await readdir(directory)).map((name) => stat(path.join(directory, name))),
  );
  return found.flatMap((each) => (each.status === 'fulfilled' ? [each.value.mode & 0o777] : []));
}

describe('a whole file', () => {
  it('has all of its content from the moment it has its name', async () => {
    await using directory = await temporaryDirectory();
    const file = path.join(directory.path, 'key');
    const writers = Array.from({ length: 3 }, () => createWholeFile(file, big, 0o600));
    const seen = new Set<number | null>([null]);
    const modes = new Set<number>();
    while (!seen.has(big.length)) {
      seen.add(await lengthOf(file));
      for (const mode of await modesIn(directory.path)) modes.add(mode);
    }
    // Nobody else may read it at any time, under its temporary name neither.
    expect([...modes]).toEqual([0o600]);
    expect([...seen]).toEqual([null, big.length]);
    expect((await Promise.all(writers)).filter(Boolean)).toHaveLength(1);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await readdir(directory.path)).toEqual(['key']);
  });

  it('never replaces another, and says so', async () => {
    await using directory = await temporaryDirectory();
    const file = path.join(directory.path, 'key');
    expect(await createWholeFile(file, 'first', 0o600)).toBe(true);
    expect(await createWholeFile(file, 'second', 0o600)).toBe(false);
    expect(await readFile(file, 'utf8')).toBe('first');
    await expect(createWholeFile(path.join(directory.path, 'none', 'key'), '', 0o600)).rejects.toMatchObject({
      code: 'ENOENT',
    });
  });

  it('is made also while another process sweeps left-overs away', async () => {
    await using directory = await temporaryDirectory();
    const file = path.join(directory.path, 'key');
    const making = createWholeFile(file, big, 0o600);
    // One sweep while it is written; the next try is not disturbed.
    while ((await readdir(directory.path)).length === 0);
    await sweepTemporaryFiles(directory.path);
    expect(await making).toBe(true);
    expect(await lengthOf(file)).toBe(big.length);
    await rm(file);
    expect(await readdir(directory.path)).toEqual([]);
  });
});
