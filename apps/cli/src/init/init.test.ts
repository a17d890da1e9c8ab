// `tako init` on what people have: the examples of frameworks, and a project that has a tako.toml already.
import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parseProject } from '@tako/config';
import { expect, it } from 'vitest';
import { runInProcess } from '../testing/run-in-process.ts';
import { openTempDirectory, type TempDirectory } from '../testing/temp-directory.ts';
import { refreshSchema, schemaFile } from './project-schema-file.ts';
import { openProject } from '../app/project.ts';

const examples = path.resolve(import.meta.dirname, '../../../../examples/frameworks');

const init = (dir: TempDirectory, ...args: string[]) =>
  runInProcess(['init', '--yes', ...args], { cwd: dir.path, takoHome: path.join(dir.path, 'home') });

async function resolved(dir: TempDirectory) {
  const text = await readFile(path.join(dir.path, 'tako.toml'), 'utf8');
  return parseProject(text, { file: 'tako.toml', directoryName: 'x' }).resolved['production'];
}

it.each([
  ['vite', { preset: 'vite', main: null }],
  ['nextjs', { preset: 'nextjs', main: null }],
  ['tanstack-start', { preset: 'tanstack-start', main: null }],
  ['hono', { preset: 'hono', main: 'src/index.ts' }],
  ['fastify', { preset: 'fastify', main: 'server.js' }],
  ['express', { preset: 'express', main: 'server.js' }],
])('finds what the example of %s is', async (name, found) => {
  await using dir = await openTempDirectory();
  await cp(path.join(examples, name), dir.path, { recursive: true });
  await rm(path.join(dir.path, 'tako.toml'));
  expect(await init(dir, '--route', 'a.example.com')).toMatchObject({
    exitCode: 0,
    stdout: 'wrote tako.toml, .gitignore\n',
  });
  expect(await resolved(dir)).toMatchObject({ runtime: 'node', packageManager: 'npm', ...found });
});

it('overwrites nothing unasked, and keeps what .gitignore has', async () => {
  await using dir = await openTempDirectory();
  await dir.write({ 'tako.toml': '# mine\n', '.gitignore': 'mine/\n/.tako/build/' });
  expect(await init(dir)).toMatchObject({
    exitCode: 2,
    stderr: expect.stringContaining('CONFIG_EXISTS') as string,
  });
  expect(await readFile(path.join(dir.path, 'tako.toml'), 'utf8')).toBe('# mine\n');
  expect(await init(dir, '--force', '--main', 'app.js')).toMatchObject({ exitCode: 0 });
  expect(await resolved(dir)).toMatchObject({ main: 'app.js' });
  expect(await readFile(path.join(dir.path, '.gitignore'), 'utf8')).toBe(
    `mine/\n/.tako/build/\n.tako/deploy.lock\n${schemaFile}\n`,
  );
});

it('makes the schema that the file names, again where it is missing, and never where the line names another', async () => {
  await using dir = await openTempDirectory();
  await init(dir);
  const file = path.join(dir.path, schemaFile);
  const schema = await readFile(file, 'utf8');
  expect(JSON.parse(schema)).toMatchObject({ type: 'object' });
  await rm(file);
  await refreshSchema(await openProject(dir.path, null));
  expect(await readFile(file, 'utf8')).toBe(schema);
  const toml = await readFile(path.join(dir.path, 'tako.toml'), 'utf8');
  await writeFile(path.join(dir.path, 'tako.toml'), toml.replace(/^#:schema .*$/m, '#:schema ./other.json'));
  await rm(file);
  await refreshSchema(await openProject(dir.path, null));
  await expect(readFile(file)).rejects.toMatchObject({ code: 'ENOENT' });
});
