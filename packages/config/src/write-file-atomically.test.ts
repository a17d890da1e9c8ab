import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { writeFileAtomically } from './write-file-atomically.ts';

async function openTemporaryDirectory(): Promise<AsyncDisposable & { path: string }> {
  const directory = await mkdtemp(path.join(tmpdir(), 'tako-config-'));
  return { path: directory, [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }) };
}

const modeOf = async (file: string): Promise<number> => (await stat(file)).mode & 0o777;

describe('writeFileAtomically', () => {
  it('makes a file with the mode asked for, whatever the umask', async () => {
    await using directory = await openTemporaryDirectory();
    const file = path.join(directory.path, 'key');
    await writeFileAtomically(file, 'secret', { mode: 0o600 });
    expect(await readFile(file, 'utf8')).toBe('secret');
    expect(await modeOf(file)).toBe(0o600);
  });

  it('replaces a file, keeps its mode, and leaves nothing beside it', async () => {
    await using directory = await openTemporaryDirectory();
    const file = path.join(directory.path, 'config.toml');
    await writeFile(file, 'old');
    await chmod(file, 0o640);
    await writeFileAtomically(file, 'new');
    expect(await readFile(file, 'utf8')).toBe('new');
    expect(await modeOf(file)).toBe(0o640);
    expect(await readdir(directory.path)).toEqual(['config.toml']);
  });

  it('follows a link and keeps it', async () => {
    await using directory = await openTemporaryDirectory();
    const real = path.join(directory.path, 'dotfiles', 'config.toml');
    const link = path.join(directory.path, 'config.toml');
    await mkdir(path.dirname(real));
    await writeFile(real, 'old');
    await symlink(real, link);
    await writeFileAtomically(link, 'new');
    expect(await readFile(real, 'utf8')).toBe('new');
    expect(await readlink(link)).toBe(real);
  });

  it('leaves the old file and no litter when it cannot finish', async () => {
    await using directory = await openTemporaryDirectory();
    const file = path.join(directory.path, 'taken');
    await mkdir(path.join(file, 'full'), { recursive: true });
    await expect(writeFileAtomically(file, 'new')).rejects.toThrow(/EISDIR|ENOTEMPTY|EEXIST/);
    expect(await readdir(directory.path)).toEqual(['taken']);
    await expect(
      writeFileAtomically(path.join(directory.path, 'no', 'such', 'place'), 'new'),
    ).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('lets a reader see the old or the new contents, never a part', async () => {
    await using directory = await openTemporaryDirectory();
    const file = path.join(directory.path, 'data');
    const contents = ['a'.repeat(300_000), 'b'.repeat(300_000)];
    await writeFileAtomically(file, contents[0]!);
    const writing = (async () => {
      for (let round = 0; round < 20; round++) await writeFileAtomically(file, contents[round % 2]!);
    })();
    const seen = new Set<string>();
    for (let round = 0; round < 100; round++) seen.add(await readFile(file, 'utf8'));
    await writing;
    for (const text of seen) expect(contents).toContain(text);
  });
});
