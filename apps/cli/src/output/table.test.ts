import { assert, array, integer, property, string } from 'fast-check';
import { expect, it } from 'vitest';
import { fitTable, formatTable } from './table.ts';
import { displayWidth } from './text.ts';

const servers = {
  head: ['SERVER', 'NAME', 'STATE', 'NEXT TRY'],
  rows: [
    ['web1', 'a.example.com, b.example.com', 'valid', 'in 3 d'],
    ['日', 'c.com', 'failing', '-'],
  ],
  titleColumns: 2,
};

it('lines columns up, wide characters counted double', () => {
  const text = [
    'SERVER  NAME                          STATE    NEXT TRY',
    'web1    a.example.com, b.example.com  valid    in 3 d',
    '日      c.com                         failing  -',
  ].join('\n');
  expect(formatTable(servers, Infinity)).toBe(text);
  expect(formatTable(servers, 55)).toBe(text);
});

it('gives each fact its line where the terminal is too narrow, without those that are not known', () => {
  expect(formatTable(servers, 54)).toBe(
    [
      'web1  a.example.com, b.example.com',
      '  STATE     valid',
      '  NEXT TRY  in 3 d',
      '日  c.com',
      '  STATE     failing',
    ].join('\n'),
  );
  expect(fitTable(servers, 18)).toEqual({
    head: null,
    rows: [
      'web1\n  a.example.com,\n  b.example.com\n  STATE     valid\n  NEXT TRY  in 3 d',
      '日  c.com\n  STATE     failing',
    ],
  });
  expect(fitTable({ head: ['A', 'B'], rows: [['x', 'one two three']] }, 10).rows).toEqual([
    'x\n  B  one\n     two\n     three',
  ]);
});

it('is never wider than the terminal as long as no word is', () => {
  const words = array(string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 8 }), { minLength: 1 });
  const rows = array(array(words, { minLength: 3, maxLength: 3 }), { minLength: 1, maxLength: 4 });
  assert(
    property(rows, integer({ min: 20, max: 60 }), (cells, columns) => {
      const table = { head: ['A', 'B', 'C'], rows: cells.map((row) => row.map((cell) => cell.join(' '))) };
      const lines = formatTable(table, columns).split('\n');
      for (const line of lines) expect(displayWidth(line)).toBeLessThanOrEqual(columns);
    }),
  );
});
