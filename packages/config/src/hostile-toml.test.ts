// Files that are legal TOML and meant to hurt: deep, wide, long. Each is answered, and soon.
import { expect, it } from 'vitest';
import { parseProject } from './project.ts';

const parse = (text: string): unknown => parseProject(text, { file: 'tako.toml', directoryName: 'shop' });

it.each([
  ['a key of half a million parts', `${'a.'.repeat(400_000)}a = 1`],
  ['a header of half a million parts', `[${'a.'.repeat(400_000)}a]\nb = 1`],
  ['lists in lists', `a = ${'['.repeat(900)}${']'.repeat(900)}`],
  ['more lists in lists than the parser takes', `a = ${'['.repeat(400_000)}`],
  ['tables in tables', `a = ${'{a='.repeat(900)}1${'}'.repeat(900)}`],
  ['65 levels', `${'a.'.repeat(64)}a = 1`],
])('%s', (_, text) => {
  expect(() => parse(text)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
});

it('64 levels are only an unknown key', () => {
  expect(() => parse(`${'a.'.repeat(63)}a = 1`)).toThrow(/tako\.toml:1: a: found an unknown key/);
});

it.each([
  [
    'fifty thousand unknown keys',
    Array.from({ length: 50_000 }, (_, index) => `key_${index} = 1`).join('\n'),
  ],
  ['fifty thousand wrong routes', `[envs.production]\nroutes = [${'"x", '.repeat(50_000)}]`],
  [
    'ten thousand environments without routes',
    Array.from({ length: 10_000 }, (_, index) => `[envs.e${index}]`).join('\n'),
  ],
  [
    'thirty thousand reserved variables',
    `[vars]\n${Array.from({ length: 30_000 }, (_, index) => `TAKO_${index} = 1`).join('\n')}`,
  ],
])('%s', { timeout: 10_000 }, (_, text) => {
  expect(() => parse(text)).toThrow(/and \d+ more$|found a list of 50000/);
});
