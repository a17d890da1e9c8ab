import { expect, it } from 'vitest';
import { createGitRepository, gitEnvironment } from '../testing/git-repository.ts';
import { openTempDirectory } from '../testing/temp-directory.ts';
import { readGitTree } from './git.ts';
import { findSourceRoot } from './source-root.ts';

const env = gitEnvironment();

it('knows commit, subject and root, and that a clean tree is clean', async () => {
  await using dir = await openTempDirectory();
  const repository = await createGitRepository(dir.path);
  await dir.write({ 'app/a.txt': '1' });
  const id = await repository.commit('first commit');
  expect(await readGitTree(`${dir.path}/app`, { env })).toEqual({
    root: dir.path,
    commit: { id, subject: 'first commit' },
    dirty: false,
    trackedButIgnored: [],
  });
});

it('is dirty after a change and with an untracked file, not with an ignored one or the secrets file', async () => {
  await using dir = await openTempDirectory();
  const repository = await createGitRepository(dir.path);
  await dir.write({ 'a.txt': '1', '.gitignore': 'out/\n' });
  await repository.commit();
  const dirty = async (): Promise<boolean | undefined> => (await readGitTree(dir.path, { env }))?.dirty;
  await dir.write({ 'out/x': '', '.tako/secrets': '{}', '.env': 'A=1' });
  expect(await dirty()).toBe(false);
  await dir.write({ 'b.txt': '' });
  expect(await dirty()).toBe(true);
});

it('says null outside of a repository, and no commit in an empty one', async () => {
  await using dir = await openTempDirectory();
  expect(await readGitTree(dir.path, { env })).toBeNull();
  await createGitRepository(dir.path);
  expect(await readGitTree(dir.path, { env })).toMatchObject({ commit: null, dirty: false });
});

it('falls back to the workspace root, then to the project', async () => {
  await using dir = await openTempDirectory();
  await dir.write({
    'w/package.json': '{"workspaces":["apps/*"]}',
    'w/apps/web/index.js': '',
    'solo/index.js': '',
  });
  expect(await findSourceRoot(`${dir.path}/w/apps/web`, { env })).toMatchObject({
    root: `${dir.path}/w`,
    appDir: 'apps/web',
    git: null,
  });
  expect(await findSourceRoot(`${dir.path}/solo`, { env })).toMatchObject({
    root: `${dir.path}/solo`,
    appDir: '.',
  });
});
