import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { createExampleProject } from './example-project.ts';

const git = (dir: string, ...args: string[]): string =>
  execFileSync('git', args, { cwd: dir, encoding: 'utf8' }).trim();

test.each([
  ['sdk-fetch', 'package-lock.json'],
  ['bun-app', 'bun.lock'],
])(
  '%s becomes a project of its own, with the packed SDK and a lockfile, committed',
  async (name, lockfile) => {
    await using project = await createExampleProject(name);
    expect(git(project.dir, 'status', '--porcelain')).toBe('');
    const files = git(project.dir, 'ls-files').split('\n');
    expect(files).toContain(lockfile);
    expect(files).toContain('vendor/tako-sdk-0.1.0.tgz');
    expect(files.some((file) => file.startsWith('node_modules'))).toBe(false);
    expect(fs.readFileSync(path.join(project.dir, lockfile), 'utf8')).toContain('vendor/tako-sdk-0.1.0.tgz');
  },
);

test('a monorepo has its app below the git root', async () => {
  await using project = await createExampleProject('monorepo');
  expect(project.appDir).toBe(path.join(project.dir, 'apps/web'));
  expect(git(project.dir, 'ls-files')).toContain('packages/ui/index.js');
});

test('a change is one commit', async () => {
  await using project = await createExampleProject('node-http', { takoToml: 'name = "other"\n' });
  const commit = await project.commitChange('server.js', 'changed\n');
  expect(git(project.dir, 'rev-parse', 'HEAD')).toBe(commit);
  expect(git(project.dir, 'show', '--stat', '--format=%s')).toContain('server.js');
  expect(await project.commitEdit('tako.toml', (text) => text.replace('other', 'third'))).not.toBe(commit);
  expect(git(project.dir, 'show', 'HEAD:tako.toml')).toBe('name = "third"');
});

test('an own directory stays after disposal, a temp one goes', async () => {
  let temporary = '';
  {
    await using project = await createExampleProject('node-http');
    temporary = project.dir;
    expect(fs.existsSync(temporary)).toBe(true);
  }
  expect(fs.existsSync(temporary)).toBe(false);
});
