import { expect, it } from 'vitest';
import { createGitRepository } from '../testing/git-repository.ts';
import { openTempDirectory } from '../testing/temp-directory.ts';
import { readGitTree } from './git.ts';
import { gitEnvironment } from '../testing/git-repository.ts';
import { listSourceFiles } from './source-files.ts';

const pathsOf = async (root: string, trackedButIgnored: readonly string[] = []): Promise<string[]> =>
  (await listSourceFiles(root, { trackedButIgnored })).files.map((file) => file.path);

it('lists files sorted by code units, without .git, .tako, node_modules and .env files at any depth', async () => {
  await using dir = await openTempDirectory();
  await dir.write({
    'b.txt': '',
    'a/z.txt': '',
    'B.txt': '',
    '.env': 'SECRET=1',
    '.env.local': '',
    'a/.env.production': '',
    'node_modules/x/index.js': '',
    'a/node_modules/y.js': '',
    '.tako/secrets': '{}',
    '.git/HEAD': '',
    'a/b/.git': 'gitdir: elsewhere',
  });
  expect(await pathsOf(dir.path)).toEqual(['B.txt', 'a/z.txt', 'b.txt']);
});

it('honours nested .gitignore files, the inner one first', async () => {
  await using dir = await openTempDirectory();
  await dir.write({
    '.gitignore': '*.log\n/dist/\n!keep.log\n',
    'a.log': '',
    'keep.log': '',
    'dist/x.js': '',
    'sub/dist/y.js': '',
    'sub/.gitignore': '!inner.log\nlocal.txt\n',
    'sub/inner.log': '',
    'sub/other.log': '',
    'sub/local.txt': '',
    'local.txt': '',
  });
  expect(await pathsOf(dir.path)).toEqual([
    '.gitignore',
    'keep.log',
    'local.txt',
    'sub/.gitignore',
    'sub/dist/y.js',
    'sub/inner.log',
  ]);
});

it('takes the same files as git does, tracked ones that an ignore rule names included', async () => {
  await using dir = await openTempDirectory();
  const repository = await createGitRepository(dir.path);
  await dir.write({
    '.gitignore': 'generated/\n*.tmp\n',
    'generated/kept.js': '',
    'generated/other.js': '',
    'x.tmp': '',
    'src/a.js': '',
    '.git/info/exclude': 'private.txt\n',
    'private.txt': '',
  });
  await repository.git('add', '-f', 'generated/kept.js');
  await repository.commit();
  const tree = await readGitTree(dir.path, { env: gitEnvironment() });
  const listed = await pathsOf(dir.path, tree?.trackedButIgnored);
  const git = (await repository.git('ls-files', '-co', '--exclude-standard')).split('\n');
  expect([...new Set([...git, 'generated/kept.js'])].sort()).toEqual(listed);
});

it('keeps symlinks inside of the root and refuses every one that leaves it', async () => {
  await using dir = await openTempDirectory();
  await dir.write({ 'real.txt': 'x', 'in/link': '-> ../real.txt', dangling: '-> nowhere' });
  expect((await listSourceFiles(dir.path)).files.filter((file) => file.kind === 'symlink')).toEqual([
    { kind: 'symlink', path: 'dangling', target: 'nowhere' },
    { kind: 'symlink', path: 'in/link', target: '../real.txt' },
  ]);
  await dir.write({ absolute: '-> /etc/passwd', up: '-> ../outside', 'in/deep/d': '-> ../..' });
  // Reads as if it stayed inside, but climbs out through the link before it.
  await dir.write({ 'in/tricky': '-> deep/d/../..' });
  await expect(listSourceFiles(dir.path)).rejects.toMatchObject({
    code: 'SOURCE_LINK_REFUSED',
    details: {
      links: expect.arrayContaining([
        'absolute -> /etc/passwd',
        'up -> ../outside',
        'in/tricky -> deep/d/../..',
      ]),
    },
  });
});

it('does not follow a link to a directory', async () => {
  await using dir = await openTempDirectory();
  await dir.write({ 'real/a.txt': '', alias: '-> real' });
  expect(await pathsOf(dir.path)).toEqual(['alias', 'real/a.txt']);
});
