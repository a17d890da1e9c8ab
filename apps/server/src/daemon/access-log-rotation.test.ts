import { readFile, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { accessLogFilesMax } from '../limits.ts';
import { temporaryDirectory } from '../testing/temporary-directory.ts';
import { rotateAccessLog } from './access-log-rotation.ts';

test('one byte below the limit stays, at the limit it is rotated, and the oldest goes', async () => {
  await using directory = await temporaryDirectory();
  const file = path.join(directory.path, 'access.log');
  expect(await rotateAccessLog(file, 4)).toBe(false);
  await writeFile(file, '123');
  expect(await rotateAccessLog(file, 4)).toBe(false);
  for (let round = 1; round <= 7; round += 1) {
    await writeFile(file, `log${round}`);
    expect(await rotateAccessLog(file, 4)).toBe(true);
  }
  expect((await readdir(directory.path)).toSorted()).toEqual([
    'access.log.1',
    'access.log.2',
    'access.log.3',
    'access.log.4',
  ]);
  expect(accessLogFilesMax).toBe(5);
  expect(await readFile(`${file}.1`, 'utf8')).toBe('log7');
  expect(await readFile(`${file}.4`, 'utf8')).toBe('log4');
});
