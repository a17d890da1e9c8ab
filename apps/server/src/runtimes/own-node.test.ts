import { execFileSync } from 'node:child_process';
import { rm, stat, writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../testing/temporary-directory.ts';
import { placeOwnNode } from './own-node.ts';

test('the placed Node runs, is placed once, and a torn one is replaced', async () => {
  await using directory = await temporaryDirectory();
  const spec = { dataDir: directory.path, program: process.execPath, version: process.versions.node };
  const placed = await placeOwnNode(spec);
  expect(execFileSync(placed, ['--version'], { encoding: 'utf8' }).trim()).toBe(process.version);
  const { ino } = await stat(placed);
  expect(await placeOwnNode(spec)).toBe(placed);
  expect((await stat(placed)).ino).toBe(ino);
  const torn = { ...spec, version: '0.0.0' };
  const other = await placeOwnNode(torn);
  // Another name of the same file must not be written through: a new file takes its place.
  await rm(other);
  await writeFile(other, 'torn');
  await placeOwnNode(torn);
  expect(execFileSync(other, ['--version'], { encoding: 'utf8' }).trim()).toBe(process.version);
});
