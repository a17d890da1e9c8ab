import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { expect, it, vi } from 'vitest';
import { createTestProject } from '../testing/run-tako.ts';

// Each test starts several processes from their sources, on machines that may be busy.
vi.setConfig({ testTimeout: 60_000 });

it('prints the version without loading anything, and as JSON', async () => {
  await using project = await createTestProject();
  expect(await project.tako(['--version'])).toEqual({ exitCode: 0, stdout: 'tako 0.1.0\n', stderr: '' });
  const run = await project.tako(['version', '--json']);
  expect(JSON.parse(run.stdout)).toMatchObject({ schema: 'tako.version/1', version: '0.1.0' });
});

it('suggests the nearest command, exit 2, as text and as JSON', async () => {
  await using project = await createTestProject();
  expect(await project.tako(['depoly'])).toEqual({
    exitCode: 2,
    stdout: '',
    stderr:
      'error: there is no command "depoly"\nnext:  Did you mean: tako deploy\ncode:  USAGE_INVALID  (tako explain USAGE_INVALID)\n',
  });
  const run = await project.tako(['depoly', '--json']);
  expect(run.stderr).toBe('');
  expect(JSON.parse(run.stdout)).toEqual({
    ok: false,
    error: {
      code: 'USAGE_INVALID',
      message: 'there is no command "depoly"',
      hint: 'Did you mean: tako deploy',
    },
  });
});

it('explains a wrong flag and a missing argument with the help of that command, exit 2', async () => {
  await using project = await createTestProject();
  const flag = await project.tako(['deploy', '--fast']);
  expect(flag).toMatchObject({ exitCode: 2, stdout: '' });
  expect(flag.stderr).toContain('Nonexistent flag: --fast');
  expect(flag.stderr).toContain('tako deploy --help');
  const argument = await project.tako(['scale', '--json']);
  expect(argument.exitCode).toBe(2);
  expect(JSON.parse(argument.stdout)).toMatchObject({ ok: false, error: { code: 'USAGE_INVALID' } });
  expect((await project.tako(['scale', '300'])).exitCode).toBe(2);
});

it('shows help with examples on stdout for every command word', async () => {
  await using project = await createTestProject();
  const run = await project.tako(['deploy', '--help']);
  expect(run).toMatchObject({ exitCode: 0, stderr: '' });
  expect(run.stdout).toMatch(/EXAMPLES[\s\S]*\$ tako deploy --env staging --dry-run/);
  expect((await project.tako(['help', 'secrets'])).stdout).toContain('secrets sync');
  expect((await project.tako([])).stdout).toContain('COMMANDS');
});

it('explains a code, and finds the nearest of a mistyped one', async () => {
  await using project = await createTestProject();
  const run = await project.tako(['explain', 'ssh_auth_failed']);
  expect(run.exitCode).toBe(0);
  expect(run.stdout).toContain('SSH_AUTH_FAILED: The server refused every key that ssh offered.');
  expect(run.stdout).toContain('Exit code        4');
  const wrong = await project.tako(['explain', 'SSH_AUTH_FAIL']);
  expect(wrong).toMatchObject({
    exitCode: 2,
    stderr: expect.stringContaining('tako explain SSH_AUTH_FAILED'),
  });
});

it('reports every problem of tako.toml with file and line, exit 2', async () => {
  await using project = await createTestProject({
    toml: 'name = "Demo"\ninstanzes = 1\n[envs.production]\nroute = "nodot"\n',
  });
  const run = await project.tako(['deploy', '--yes']);
  expect(run.exitCode).toBe(2);
  for (const text of ['tako.toml:1', 'tako.toml:2', 'instances', 'tako.toml:4', 'CONFIG_INVALID'])
    expect(run.stderr).toContain(text);
});

it('says where to go without a project', async () => {
  await using project = await createTestProject();
  expect(await project.tako(['deploy'], { cwd: '/' })).toMatchObject({
    exitCode: 2,
    stderr: expect.stringContaining('tako init'),
  });
});

it("makes a tako.toml from what is there, ignores what is nobody's, and overwrites nothing", async () => {
  await using project = await createTestProject({
    files: {
      'new/package.json': '{"name":"@me/My Shop","main":"server.js","dependencies":{"hono":"4"}}',
      'new/server.js': '',
      'new/.gitignore': 'dist',
    },
  });
  const cwd = path.join(project.dir.path, 'new');
  const run = await project.tako(['init', '--yes', '--route', 'shop.example.com'], { cwd });
  expect(run).toMatchObject({ exitCode: 0, stdout: 'wrote tako.toml, .gitignore\n' });
  const text = await readFile(path.join(cwd, 'tako.toml'), 'utf8');
  for (const line of [
    'name = "my-shop"',
    'runtime = "node"',
    'preset = "hono"',
    'main = "server.js"',
    'route = "shop.example.com"',
    '#:schema ./.tako/tako.schema.json',
  ]) {
    expect(text).toContain(line);
  }
  expect(await readFile(path.join(cwd, '.gitignore'), 'utf8')).toBe(
    'dist\n.tako/build/\n.tako/deploy.lock\n.tako/tako.schema.json\n',
  );
  const again = await project.tako(['init', '--yes'], { cwd });
  expect(again).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('CONFIG_EXISTS') });
  expect(await readFile(path.join(cwd, 'tako.toml'), 'utf8')).toBe(text);
  expect((await project.tako(['init'], { cwd })).stderr).toContain('--force');
});

it('keeps an inventory with its comments', async () => {
  await using project = await createTestProject();
  const add = (...args: string[]) => project.tako(['servers', 'add', '--no-check', ...args]);
  expect(await add('deploy@web1.example.com:2222')).toMatchObject({ exitCode: 0, stdout: 'added web1\n' });
  expect(await add('unix:/run/tako.sock', '--name', 'here')).toMatchObject({ exitCode: 0 });
  expect(await add('deploy@web1.example.com:2222', '--name', 'again')).toMatchObject({
    exitCode: 2,
    stderr: expect.stringContaining('SERVER_NAME_TAKEN'),
  });
  expect(await add('not a host')).toMatchObject({ exitCode: 2 });
  expect(await add('-oProxyCommand=id')).toMatchObject({ exitCode: 2 });
  const list = await project.tako(['servers', 'ls']);
  expect(list.stdout).toBe(
    'NAME  ADDRESS                       MACHINE  DESCRIPTION\nweb1  deploy@web1.example.com:2222\nhere  unix:/run/tako.sock\n',
  );
  expect(await project.tako(['servers', 'rm', 'web2'])).toMatchObject({
    exitCode: 3,
    stderr: expect.stringContaining('Did you mean "web1"'),
  });
  expect(await project.tako(['servers', 'rm', 'web1'])).toMatchObject({ exitCode: 0 });
  expect((await project.tako(['servers', 'ls', '--json'])).stdout).not.toContain('web1');
});

it('seals secrets, prints no value anywhere, and keeps the key for its owner only', async () => {
  await using project = await createTestProject();
  const set = await project.tako(['secrets', 'set', 'API_TOKEN'], { stdin: 'p4ssw0rd-value\n' });
  expect(set.exitCode).toBe(0);
  expect(set.stdout + set.stderr).not.toContain('p4ssw0rd');
  const file = await readFile(path.join(project.dir.path, '.tako/secrets'), 'utf8');
  expect(file).not.toContain('p4ssw0rd');
  const keyFile = /kept in (\S+\.key)\./.exec(set.stderr)?.[1] ?? '';
  expect((await stat(keyFile)).mode & 0o777).toBe(0o600);
  expect((await stat(path.dirname(keyFile))).mode & 0o777).toBe(0o700);
  expect((await project.tako(['secrets', 'set', 'OTHER', '--env', 'staging'], { stdin: 'x' })).exitCode).toBe(
    0,
  );
  expect((await project.tako(['secrets', 'ls'])).stdout).toBe(
    'NAME       PRODUCTION  STAGING\nAPI_TOKEN  set         -\nOTHER      -           set\n',
  );
  expect(await project.tako(['secrets', 'set', 'lower'], { stdin: 'x' })).toMatchObject({ exitCode: 2 });
  expect(await project.tako(['secrets', 'set', 'PORT'], { stdin: 'x' })).toMatchObject({ exitCode: 2 });
  expect(await project.tako(['secrets', 'set', 'EMPTY'], { stdin: '' })).toMatchObject({ exitCode: 2 });
  expect(await project.tako(['secrets', 'set', 'X', '--env', 'prod'], { stdin: 'x' })).toMatchObject({
    exitCode: 2,
    stderr: expect.stringContaining('production'),
  });
  expect(await project.tako(['secrets', 'rm', 'NOPE'])).toMatchObject({ exitCode: 3 });
});

it('moves a key to another machine by export and import, and refuses a wrong one', async () => {
  await using project = await createTestProject();
  await project.tako(['secrets', 'set', 'A'], { stdin: 'value' });
  const exported = (await project.tako(['secrets', 'key', 'export'])).stdout;
  expect(exported).toMatch(/^tako_key_v1_\S+\n$/);
  const elsewhere = { TAKO_HOME: path.join(project.dir.path, 'elsewhere') };
  expect(await project.tako(['secrets', 'set', 'A'], { stdin: 'new', env: elsewhere })).toMatchObject({
    exitCode: 2,
    stderr: expect.stringContaining('SECRETS_KEY_MISSING'),
  });
  const wrong = `tako_key_v1_${Buffer.alloc(32, 7).toString('base64url')}`;
  expect(await project.tako(['secrets', 'key', 'import'], { stdin: wrong, env: elsewhere })).toMatchObject({
    exitCode: 2,
    stderr: expect.stringContaining('SECRETS_KEY_INVALID'),
  });
  expect(await project.tako(['secrets', 'key', 'import'], { stdin: exported, env: elsewhere })).toMatchObject(
    { exitCode: 0 },
  );
  expect(await project.tako(['secrets', 'set', 'A'], { stdin: 'new', env: elsewhere })).toMatchObject({
    exitCode: 0,
  });
});

it('answers a question that nobody hears with the flag to use', async () => {
  await using project = await createTestProject({ servers: { web1: '/nowhere/tako.sock' } });
  expect(await project.tako(['stop'])).toMatchObject({
    exitCode: 2,
    stderr: expect.stringContaining('--yes'),
  });
  expect(await project.tako(['delete'])).toMatchObject({
    exitCode: 2,
    stderr: expect.stringContaining('--confirm demo'),
  });
  expect(await project.tako(['delete', '--confirm', 'shop'])).toMatchObject({ exitCode: 2 });
});

it('exits 5 when the server cannot be reached, naming the server and the fix', async () => {
  await using project = await createTestProject({ servers: { web1: '/nowhere/tako.sock' } });
  const run = await project.tako(['restart']);
  expect(run.exitCode).toBe(5);
  expect(run.stderr).toContain('the server web1 has no socket at /nowhere/tako.sock');
  expect(await project.tako(['deploy', '--yes'])).toMatchObject({ exitCode: 5, stdout: '' });
});
