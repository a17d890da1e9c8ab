import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { programLimits } from './limits.ts';
import { LineCutter } from './line-cutter.ts';

function linesOf(...chunks: (Buffer | string)[]): string[] {
  const lines: string[] = [];
  const cutter = new LineCutter((line) => lines.push(line));
  for (const chunk of chunks) cutter.push(Buffer.from(chunk));
  cutter.end();
  return lines;
}

it('cuts at line feeds, wherever the chunks end, and keeps empty lines and a last line without an end', () => {
  expect(linesOf('one\ntw', 'o\r\n\nthr', 'ee')).toEqual(['one', 'two', '', 'three']);
});

it('keeps a character that two chunks share, and replaces what is no UTF-8', () => {
  const bytes = Buffer.from('é\n');
  expect(linesOf(bytes.subarray(0, 1), bytes.subarray(1))).toEqual(['é']);
  expect(linesOf(Buffer.from([0x61, 0xff, 0x62, 0x0a]))).toEqual(['a\ufffdb']);
});

it('shows the last state of a line that rewrites itself', () => {
  expect(linesOf('10%\r50%\r100%\n')).toEqual(['100%']);
});

it('cuts a line at the limit, with and without an end', () => {
  const max = programLimits.lineBytesMax;
  expect(linesOf('x'.repeat(max)).map((line) => line.length)).toEqual([max]);
  expect(linesOf('x'.repeat(max + 1)).map((line) => line.length)).toEqual([max, 1]);
  expect(linesOf(`${'x'.repeat(3 * max)}\n`).map((line) => line.length)).toEqual([max, max, max]);
});

it('gives the same lines however the bytes are cut', () => {
  const text = fc
    .array(fc.constantFrom('a', 'é', '🐙', '\n'), { maxLength: 60 })
    .map((parts) => parts.join(''));
  fc.assert(
    fc.property(text, fc.array(fc.nat(60), { maxLength: 5 }), (whole, cuts) => {
      const bytes = Buffer.from(whole);
      const at = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)).sort((a, b) => a - b), bytes.length];
      const chunks = at.slice(1).map((end, index) => bytes.subarray(at[index], end));
      expect(linesOf(...chunks)).toEqual(linesOf(whole));
    }),
  );
});
