import { expect, it } from 'vitest';
import { newestMatching, stripsTypes } from './version-range.ts';

const versions = ['26.1.0', '26.10.0', '26.9.3', '26.1.12', '25.0.0', '27.0.0-rc.1', 'garbage', '9.9.9'];

it.each([
  [null, '26.10.0'],
  ['26', '26.10.0'],
  ['v26', '26.10.0'],
  ['26.1', '26.1.12'],
  ['26.1.x', '26.1.12'],
  ['26.x', '26.10.0'],
  ['26.1.0', '26.1.0'],
  ['9', '9.9.9'],
  ['27', null],
  ['27.0.0-rc.1', '27.0.0-rc.1'],
  ['26.2', null],
  ['2', null],
  ['latest', null],
  ['>=26', null],
])('%s means %s', (range, expected) => {
  expect(newestMatching(versions, range)).toBe(expected);
});

it('knows which Nodes strip types by themselves', () => {
  const able = ['22.18.0', '22.19.1', '23.6.0', '24.0.0', '26.10.0'];
  const unable = ['20.11.0', '22.17.9', '23.5.0'];
  expect(able.map(stripsTypes)).toEqual(able.map(() => true));
  expect(unable.map(stripsTypes)).toEqual(unable.map(() => false));
});
