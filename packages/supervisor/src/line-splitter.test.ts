import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { LineSplitter } from './line-splitter.ts';

function split(chunks: readonly (Buffer | string)[], bytesMax = 64): string[] {
  const lines: string[] = [];
  const splitter = new LineSplitter(bytesMax, (line) => lines.push(line.toString('utf8')));
  for (const chunk of chunks) splitter.push(Buffer.from(chunk));
  splitter.flush();
  return lines;
}

test('lines end with LF or CRLF, empty ones count, and the last needs no end', () => {
  expect(split(['a\nb\r\n\n\r\nlast'])).toEqual(['a', 'b', '', '', 'last']);
  expect(split(['a\r', '\nb'])).toEqual(['a', 'b']);
  expect(split(['a\rb\n'])).toEqual(['a\rb']);
  expect(split(['a\n'])).toEqual(['a']);
});

test('a line at the limit is whole, one past it is cut, and its end is no line of its own', () => {
  const full = 'x'.repeat(64);
  expect(split([`${full}\nnext\n`])).toEqual([full, 'next']);
  expect(split([`${full}y\nnext\n`])).toEqual([full, 'y', 'next']);
  expect(split([`${full}\r\nnext\n`])).toEqual([full, 'next']);
  expect(split([full.repeat(3), '\n'])).toEqual([full, full, full]);
  expect(split([full, '\n\nnext'])).toEqual([full, '', 'next']);
});

test('a character is never cut in two, neither by the limit nor by chunks', () => {
  const text = 'ä€😀'.repeat(40);
  const lines = split(
    [...Buffer.from(text)].map((byte) => Buffer.from([byte])),
    10,
  );
  expect(lines.join('')).toBe(text);
  expect(lines.every((line) => Buffer.byteLength(line) <= 10 && !line.includes('\ufffd'))).toBe(true);
});

test('invalid UTF-8 is replaced, and a line of continuation bytes still ends at the limit', () => {
  expect(split([Buffer.from([0x61, 0xff, 0x62, 0x0a])])).toEqual(['a\ufffdb']);
  expect(split([Buffer.alloc(130, 0x80)]).length).toBe(3);
});

test('property: however the bytes are cut into chunks, the lines are the same', () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'ä', '😀', '\n', '\r', '\r\n'), maxLength: 60 });
  fc.assert(
    fc.property(text, fc.array(fc.nat(200), { maxLength: 8 }), (value, cuts) => {
      const bytes = Buffer.from(value);
      const places = [
        0,
        ...cuts.map((cut) => Math.min(cut, bytes.length)).toSorted((a, b) => a - b),
        bytes.length,
      ];
      const chunks = places.slice(1).map((end, index) => bytes.subarray(places[index], end));
      const whole = value.split('\n').map((line) => line.replace(/\r$/, ''));
      if (value.endsWith('\n') || value === '') whole.pop();
      expect(split(chunks, 4096)).toEqual(whole);
    }),
  );
});

test('skipped chunks cost no lines but are counted exactly, and reading resumes at the next line', () => {
  const lines: string[] = [];
  const splitter = new LineSplitter(64, (line) => lines.push(line.toString()));
  splitter.push(Buffer.from('one\ntw'));
  expect(splitter.skip(Buffer.from('o\nthree\nfo'))).toBe(3);
  expect(splitter.skip(Buffer.from('u'))).toBe(0);
  expect(splitter.skip(Buffer.alloc(0))).toBe(0);
  splitter.push(Buffer.from('r\nfive\n'));
  expect(splitter.skip(Buffer.from('six\n'))).toBe(1);
  splitter.push(Buffer.from('seven\n'));
  expect(lines).toEqual(['one', 'five', 'seven']);
});

test('what is held can be handed on', () => {
  const lines: string[] = [];
  const splitter = new LineSplitter(64, (line) => lines.push(line.toString()));
  splitter.push(Buffer.from('one\nhalf a li'));
  expect(splitter.takeHeld().toString()).toBe('half a li');
  splitter.flush();
  expect(lines).toEqual(['one']);
});
