import { assert, integer, property, string } from 'fast-check';
import { expect, it } from 'vitest';
import { displayWidth, fitColumns, formatBytes, formatDuration, sanitizeText, wrapColumns } from './text.ts';

it('takes escapes and control characters out of foreign text, and keeps what a progress bar ended with', () => {
  expect(sanitizeText('\u001b[31mred\u001b[0m \u001b]0;title\u0007x\u0008y')).toBe('red xy');
  expect(sanitizeText('10%\r50%\r100%')).toBe('100%');
  expect(sanitizeText('a\tb')).toBe('a    b');
});

it('never lets a control character through', () => {
  assert(
    property(string({ unit: 'binary' }), (text) => {
      // oxlint-disable-next-line no-control-regex -- what must not be there
      expect(sanitizeText(text)).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
    }),
  );
});

it('cuts to columns, wide characters counted double', () => {
  expect(displayWidth('日本')).toBe(4);
  expect(fitColumns('日本語', 5)).toBe('日本…');
  expect(fitColumns('short', 10)).toBe('short');
  assert(
    property(string({ unit: 'grapheme' }), integer({ min: 0, max: 40 }), (text, columns) => {
      expect(displayWidth(fitColumns(text, columns))).toBeLessThanOrEqual(columns);
    }),
  );
});

it('words durations and sizes', () => {
  expect([5, 999, 1500, 61_000, 3_700_000, 90_000_000].map(formatDuration)).toEqual([
    '5 ms',
    '999 ms',
    '1.5 s',
    '1 min 01 s',
    '1 h 02 min',
    '1 d 1 h',
  ]);
  expect([0, 1023, 1024, 15_000, 2 * 1024 ** 3].map(formatBytes)).toEqual([
    '0 B',
    '1023 B',
    '1.0 KiB',
    '15 KiB',
    '2.0 GiB',
  ]);
});

it('breaks at spaces, keeps the indentation, and leaves a long word whole', () => {
  expect(wrapColumns('  one two three', 9, 2)).toEqual(['  one two', '    three']);
  expect(wrapColumns('日本 語', 6)).toEqual(['日本', '語']);
  expect(wrapColumns('\u001b[1mbold\u001b[22m text', 9)).toEqual(['\u001b[1mbold\u001b[22m text']);
  expect(wrapColumns('averylongword here', 5)).toEqual(['averylongword', 'here']);
  expect(wrapColumns('', 10)).toEqual(['']);
});
