import { Readable } from 'node:stream';
import { expect, it } from 'vitest';
import { createByteSource } from './byte-source.ts';

async function taken(source: ReturnType<typeof createByteSource>, bytes: number): Promise<string> {
  return Buffer.concat(await Array.fromAsync(source.take(bytes))).toString();
}

const sourceOf = (...chunks: string[]) =>
  createByteSource(
    Readable.from(
      chunks.map((chunk) => Buffer.from(chunk)),
      { objectMode: false },
    ),
  );

it('hands out pieces of any length, whatever the file comes in', async () => {
  const source = sourceOf('abc', 'defgh', '', 'ij');
  expect([await taken(source, 2), await taken(source, 4), await taken(source, 0)]).toEqual([
    'ab',
    'cdef',
    '',
  ]);
  expect(await source.isAtEnd()).toBe(false);
  expect(await taken(source, 4)).toBe('ghij');
  expect(await source.isAtEnd()).toBe(true);
  expect(await taken(source, 1)).toBe('');
});

it('ends a piece early where the file does, and gives its error', async () => {
  expect(await taken(sourceOf('abc'), 10)).toBe('abc');
  const broken = createByteSource(
    new Readable({
      read() {
        this.destroy(new Error('the disk is gone'));
      },
    }),
  );
  await expect(taken(broken, 1)).rejects.toThrow('the disk is gone');
});
