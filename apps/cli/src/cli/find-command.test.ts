import { expect, it } from 'vitest';
import { commandTable } from './command-table.ts';
import { editDistance } from './edit-distance.ts';
import { findCommand } from './find-command.ts';

it('finds the longest command that the leading words spell', () => {
  expect(findCommand(['secrets', 'key', 'export', '--json'])).toMatchObject({
    kind: 'command',
    entry: { id: 'secrets key export' },
    rest: ['--json'],
  });
  expect(findCommand(['scale', '3', '--app', 'x'])).toMatchObject({
    entry: { id: 'scale' },
    rest: ['3', '--app', 'x'],
  });
  expect(findCommand(['secrets', 'key'])).toEqual({ kind: 'topic', topic: 'secrets key' });
  expect(findCommand(['--help'])).toEqual({ kind: 'root' });
});

it.each([
  ['depoly', 'deploy'],
  ['stauts', 'status'],
  ['secret set', 'secrets set'],
  ['secrets sett', 'secrets set'],
  ['server add', 'servers add'],
  ['log', 'logs'],
  ['releases list', 'releases ls'],
])('suggests for "tako %s": %s', (typed, nearest) => {
  expect(findCommand(typed.split(' '))).toMatchObject({ kind: 'unknown', nearest });
});

it('suggests nothing for what resembles nothing', () => {
  expect(findCommand(['xyzzy'])).toMatchObject({ kind: 'unknown', nearest: null });
});

it('counts a swap of neighbours as one', () => {
  expect(editDistance('depoly', 'deploy')).toBe(1);
  expect(editDistance('', 'abc')).toBe(3);
  expect(editDistance('kitten', 'sitting')).toBe(3);
});

it('has a description, examples and a summary for every command, in order', async () => {
  expect(commandTable.map(({ id }) => id)).toEqual(commandTable.map(({ id }) => id).toSorted());
  for (const entry of commandTable) {
    const Class = await entry.load();
    expect({ id: entry.id, text: Class.description }).toMatchObject({ text: expect.stringMatching(/\.$/) });
    expect({ id: entry.id, examples: Class.examples }).toMatchObject({
      examples: [expect.anything(), ...Class.examples.slice(1)],
    });
    expect(entry.summary).toMatch(/^[A-Z].*\.$/);
    for (const [name, flag] of Object.entries({ ...Class.baseFlags, ...Class.flags })) {
      expect(`${entry.id} --${name}: ${flag.description ?? ''}`).toMatch(/: [A-Z]/);
    }
  }
});
