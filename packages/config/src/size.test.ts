import { describe, expect, it } from 'vitest';
import { parseSize } from './size.ts';

describe('parseSize', () => {
  it.each<[string | number, number]>([
    [0, 0],
    [134_217_728, 134_217_728],
    ['128MiB', 134_217_728],
    ['128mib', 134_217_728],
    ['512M', 536_870_912],
    ['512MB', 512_000_000],
    ['1 GiB', 1_073_741_824],
    ['1.5G', 1_610_612_736],
    ['10k', 10_240],
    ['10kB', 10_000],
    ['2T', 2_199_023_255_552],
    ['100', 100],
    ['100B', 100],
    ['0.0005K', 1],
  ])('reads %j as %i bytes', (size, bytes) => expect(parseSize(size)).toBe(bytes));

  it.each<string | number>([
    '',
    'MiB',
    '-1M',
    '1,5G',
    '1e3',
    '12 megabytes',
    '1 2M',
    '0x10',
    '1iB',
    '99999999999T',
    '1.M',
    ' 1M',
    -1,
    1.5,
    Number.NaN,
    2 ** 53,
  ])('finds no size in %j', (size) => expect(parseSize(size)).toBeNull());
});
