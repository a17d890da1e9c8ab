import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { TakoError } from '@tako/config/tako-error';
import { describe, expect, it } from 'vitest';
import { errorRegistry, errorSpec, exitCodeOf, isRetryable } from './index.ts';

const root = path.resolve(import.meta.dirname, '../../../..');
const codes = Object.keys(errorRegistry);

interface Page {
  readonly code: string;
  readonly lines: readonly string[];
}

async function readPages(): Promise<Page[]> {
  const text = await readFile(path.join(root, 'docs/errors.md'), 'utf8');
  return text
    .split(/^## /m)
    .slice(1)
    .map((part) => {
      const [code = '', ...lines] = part.trim().split('\n');
      return { code, lines: lines.filter((line) => line.trim() !== '') };
    });
}

/** Every `new TakoError('CODE'` of the workspace's sources, with the file it stands in. */
async function codesInUse(): Promise<{ code: string; file: string }[]> {
  const found: { code: string; file: string }[] = [];
  for (const area of ['packages', 'apps']) {
    for (const name of await readdir(path.join(root, area))) {
      const source = path.join(root, area, name, 'src');
      for (const entry of await readdir(source, { recursive: true, withFileTypes: true }).catch(() => [])) {
        const file = path.join(entry.parentPath, entry.name);
        if (!entry.isFile() || !file.endsWith('.ts') || file.endsWith('.test.ts')) continue;
        const text = await readFile(file, 'utf8');
        for (const [, code = ''] of text.matchAll(/new TakoError\(\s*'([^']+)'/g)) {
          found.push({ code, file: path.relative(root, file) });
        }
      }
    }
  }
  return found;
}

describe('the error registry', () => {
  it('is alphabetical, as is docs/errors.md, and each has what the other has', async () => {
    const headings = (await readPages()).map((page) => page.code);
    expect(codes).toEqual(codes.toSorted());
    expect(headings).toEqual(headings.toSorted());
    expect(headings).toEqual(codes);
  });

  it('has a page of one to five lines for every code', async () => {
    const pages = await readPages();
    expect(pages.filter(({ lines }) => lines.length < 1 || lines.length > 5)).toEqual([]);
  });

  it('has every code that the sources of the workspace throw', async () => {
    const inUse = await codesInUse();
    expect(inUse.length).toBeGreaterThan(50);
    expect(inUse.filter(({ code }) => errorSpec(code) === null)).toEqual([]);
  });

  it('says in one sentence what each code means', () => {
    expect(codes.filter((code) => !/^[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*$/.test(code))).toEqual([]);
    const summaries = Object.values(errorRegistry).map((spec) => spec.summary);
    expect(summaries.filter((summary) => !/^[A-Za-z].{10,120}\.$/.test(summary))).toEqual([]);
  });

  it('answers null for a code that it does not know, also for names of JavaScript objects', () => {
    expect(errorSpec('FROM_THE_FUTURE')).toBeNull();
    expect(errorSpec('constructor')).toBeNull();
    expect(errorSpec('LOCK_LOST')).toMatchObject({ source: 'user', exitCode: 6, retryable: true });
  });

  it('knows what to exit with', () => {
    expect(exitCodeOf(new TakoError('SSH_HOST_KEY_CHANGED', ''))).toBe(4);
    expect(exitCodeOf(new TakoError('FROM_THE_FUTURE', ''))).toBe(1);
    expect(exitCodeOf(new DOMException('left', 'AbortError'))).toBe(130);
    expect(exitCodeOf(new Error('other'))).toBe(1);
    expect(exitCodeOf('thrown text')).toBe(1);
  });

  it('knows what may be tried again', () => {
    expect(isRetryable(new TakoError('CONNECTION_LOST', ''))).toBe(true);
    expect(isRetryable(new TakoError('ARTIFACT_HASH_MISMATCH', ''))).toBe(false);
    expect(isRetryable(new TakoError('FROM_THE_FUTURE', ''))).toBe(false);
    expect(isRetryable(new Error('other'))).toBe(false);
  });
});
