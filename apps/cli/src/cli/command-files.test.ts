import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { commandTable } from './command-table.ts';

it('lists every file of commands/ in the table', async () => {
  const directory = path.join(import.meta.dirname, '..', 'commands');
  const files = (await readdir(directory, { recursive: true })).filter(
    (file) => file.endsWith('.ts') && !file.endsWith('.test.ts'),
  );
  const ids = files.map((file) => file.slice(0, -'.ts'.length).split(path.sep).join(' '));
  expect(ids.toSorted()).toEqual(commandTable.map(({ id }) => id).toSorted());
});
