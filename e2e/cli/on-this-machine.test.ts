// Commands that a person gives at a terminal and that need no server: a secret that is asked for, a program run with
// the secrets, the browser, the doctor.
import fs from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CliProject, createCliProject } from '../support/cli-project.ts';
import { runTako, startTako } from '../support/run-tako.ts';
import { until } from '../support/until.ts';
import { makeHome } from './home.ts';
import { type Shell, openShell } from './shell.ts';

const toml = `name = "web"
runtime = "node"
main = "plain.js"
readiness = "http"
health_path = "/who"

[vars]
GREETING = "hello there"

[envs.production]
routes = ["*.example.com", "web.example.com/shop"]
servers = ["here"]
`;

let project: CliProject;
beforeAll(async () => {
  project = await createCliProject({ takoToml: toml, socketPath: '/nowhere/tako.sock' });
});
afterAll(() => project[Symbol.asyncDispose]());

const openHere = (columns = 100): Promise<Shell> =>
  openShell({ columns, rows: 40, cwd: project.dir, takoHome: project.home });

const runHere = (...words: string[]) => project.run(['run', '--', ...words]);

describe('a secret that is asked for', { timeout: 60_000 }, () => {
  const value = 'never-to-be-seen-4711';

  test('is masked, arrives whole, and stands neither on the screen nor in what scrolled out of it', async () => {
    await using terminal = await openHere();
    await terminal.enter('tako secrets set API_KEY; echo "exit=$?"');
    await terminal.shows(/Value of API_KEY \(production\):/);
    await terminal.type(value);
    await terminal.shows(new RegExp(`\\*{${value.length}}`));
    await terminal.press('Enter');
    await terminal.shows(/exit=0/);
    const history = await terminal.history();
    for (let at = 0; at + 4 <= value.length; at += 1) expect(history).not.toContain(value.slice(at, at + 4));
    expect(await terminal.cursorIsShown()).toBe(true);
    expect((await runHere('sh', '-c', 'printf %s "$API_KEY"')).stdout).toBe(value);
  });

  test('is not set by Ctrl-C, nor without a value', async () => {
    await using terminal = await openHere();
    for (const [key, code] of [
      ['C-c', 130],
      ['Enter', 2],
    ] as const) {
      await terminal.enter('clear; tako secrets set OTHER; echo "exit=$?"');
      await terminal.shows(/Value of OTHER/);
      if (key === 'C-c') await terminal.type(value);
      await terminal.press(key);
      await terminal.shows(new RegExp(`exit=${code}`));
      expect(await terminal.cursorIsShown()).toBe(true);
    }
    expect(await terminal.history()).not.toContain(value.slice(0, 8));
    expect((await project.succeed(['secrets', 'ls'])).stdout).not.toContain('OTHER');
  });

  test('of several lines is refused where it is pasted, for only its first line would be kept', async () => {
    await using terminal = await openHere();
    await terminal.enter('clear; tako secrets set OTHER; echo "exit=$?"');
    await terminal.shows(/Value of OTHER/);
    await terminal.type('first line\rsecond line\r');
    const screen = await terminal.shows(/exit=\d/);
    expect(screen).toContain('exit=2');
    expect(screen).toMatch(/several lines were pasted[^]*tako secrets set NAME < FILE/);
    expect(screen).not.toMatch(/(?:first|second) line/);
    expect((await project.succeed(['secrets', 'ls'])).stdout).not.toContain('OTHER');
  });

  test('is refused where nobody can be asked and nothing is piped in, saying how', async () => {
    expect(await project.run(['secrets', 'set', 'OTHER'], { input: '' })).toMatchObject({
      exitCode: 2,
      stdout: '',
      stderr: expect.stringContaining('the value is empty') as string,
    });
    await using terminal = await openHere();
    await terminal.enter('clear; tako secrets set OTHER --ci; echo "exit=$?"');
    const screen = await terminal.shows(/exit=\d/);
    expect(screen).toContain('exit=2');
    expect(screen).toContain('printf %s "$VALUE" | tako secrets set NAME');
    expect((await project.succeed(['secrets', 'ls'])).stdout).not.toContain('OTHER');
  });
});

describe('tako run', { timeout: 60_000 }, () => {
  test('gives the words as they are, the variables and secrets, and the exit code', async () => {
    await project.succeed(['secrets', 'set', 'TOKEN'], { input: 'line one\nline two\n' });
    const print = 'console.log(JSON.stringify([process.argv.slice(1), process.env])); process.exitCode = 7';
    const words = ['two words', '*', '$HOME', '', "it's", '--json', '-v', '*', '--', '*'];
    const run = await runHere(process.execPath, '-e', print, '--', ...words);
    expect(run).toMatchObject({ exitCode: 7, stderr: '' });
    const [argv, env] = JSON.parse(run.stdout) as [string[], Record<string, string>];
    expect(argv).toEqual(words);
    expect(env).toMatchObject({
      GREETING: 'hello there',
      TOKEN: 'line one\nline two',
      TAKO_APP: 'web',
      TAKO_ENV: 'production',
    });
    expect(await project.run(['run', '--', 'cat'], { input: 'piped in' })).toMatchObject({
      exitCode: 0,
      stdout: 'piped in',
    });
    expect(await runHere('no-such-program')).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('there is no such program') as string,
    });
  });

  test('passes SIGTERM on, and ends as the command did', async () => {
    const trap = 'trap "echo put away; exit 5" TERM; echo ready; while :; do sleep 0.05; done';
    const start = (script: string) =>
      startTako(['run', '--', 'sh', '-c', script], { cwd: project.dir, home: project.home });
    const polite = await start(trap);
    await polite.printed(/ready/);
    polite.child.kill('SIGTERM');
    expect(await polite.closed).toMatchObject({ code: 5 });
    expect(polite.stdout()).toBe('ready\nput away\n');
    expect(await runHere('sh', '-c', 'kill -KILL $$')).toMatchObject({ exitCode: 128 + 9 });
  });

  test('leaves Ctrl-C and the terminal to the command', async () => {
    await using terminal = await openHere();
    const script = 'trap "echo caught" INT; echo ready; read line; read line; echo "got $line"; exit 3';
    await fs.writeFile(path.join(project.home, 'asks.sh'), script);
    await terminal.enter(`clear; tako run -- bash ${project.home}/asks.sh; echo "exit=$?"`);
    await terminal.shows(/ready/);
    await terminal.press('C-c');
    await terminal.shows(/caught/);
    await terminal.press('C-c');
    await until('the second', async () => (await terminal.screen()).match(/caught/g)?.length === 2);
    await terminal.enter('one');
    await terminal.enter('two');
    await terminal.shows(/got two\nexit=3/);
  });
});

describe('tako open', { timeout: 60_000 }, () => {
  const url = 'https://web.example.com/shop';

  test('hands the first address to $BROWSER, and prints it', async () => {
    await using terminal = await openHere();
    const browser = path.join(project.home, 'browser');
    await fs.writeFile(browser, '#!/bin/sh\nprintf "%s\\n" "$#" "$1" > "$0.got"\n', { mode: 0o755 });
    await terminal.enter(`clear; BROWSER=${browser} tako open; echo "exit=$?"`);
    expect(await terminal.shows(/exit=\d/)).toContain(`${url}\nexit=0`);
    const got = (): Promise<string> => fs.readFile(`${browser}.got`, 'utf8').catch(() => '');
    await until('the browser', async () => (await got()) === `1\n${url}\n`);
  });

  test('prints the address where there is no browser, and says so; programs get nothing but the address', async () => {
    await using terminal = await openHere();
    await terminal.enter('clear; BROWSER=/no/browser tako open; echo "exit=$?"');
    const screen = await terminal.shows(/exit=\d/);
    expect(screen).toContain('/no/browser could not be started');
    expect(screen).toContain(`${url}\nexit=0`);
    expect(await project.run(['open'], { env: { BROWSER: '/no/browser' } })).toMatchObject({
      exitCode: 0,
      stdout: `${url}\n`,
      stderr: '',
    });
  });
});

describe('what was compiled', { timeout: 60_000 }, () => {
  const startIn = (home: string) => runTako(['explain', 'DISK_FULL'], { cwd: project.dir, home });

  test('is kept for the next start, for its user alone', async () => {
    await using home = await makeHome();
    const kept = path.join(home.dir, 'cache/compiled');
    expect(await startIn(home.dir)).toMatchObject({ exitCode: 0, stderr: '' });
    expect((await fs.stat(kept)).mode & 0o777).toBe(0o700);
    const entries = await fs.readdir(kept, { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile());
    expect(files.length).toBeGreaterThan(0);
    // What is broken is not believed.
    for (const { parentPath, name } of files) await fs.writeFile(path.join(parentPath, name), 'nonsense');
    expect(await startIn(home.dir)).toMatchObject({ exitCode: 0, stderr: '' });
  });

  test('is not kept where there is no place for it, which stops nothing', async () => {
    await using home = await makeHome();
    const file = path.join(home.dir, 'file');
    await fs.writeFile(file, '');
    expect(await startIn(file)).toMatchObject({ exitCode: 0, stderr: '' });
  });

  test.skipIf(process.getuid?.() !== 0)('is not read from a place that is somebody else’s', async () => {
    await using home = await makeHome();
    const kept = path.join(home.dir, 'cache/compiled');
    await fs.mkdir(kept, { recursive: true });
    await fs.chown(kept, 65_534, 65_534);
    expect(await startIn(home.dir)).toMatchObject({ exitCode: 0, stderr: '' });
    expect(await fs.readdir(kept)).toEqual([]);
  });
});

test(
  'tako doctor names the layer that fails and its fix, in a narrow terminal too',
  { timeout: 60_000 },
  async () => {
    await using terminal = await openHere(60);
    await terminal.enter('clear; tako doctor; echo "exit=$?"');
    const screen = await terminal.shows(/exit=\d/);
    expect(screen).toContain('exit=5');
    expect(screen).toMatch(/^ok {7}git /m);
    expect(screen).toMatch(/^FAILED {3}server {6}here: .*\n(?: {9}.*\n)* {9}next: Start tako-server/m);
    expect(screen).toMatch(/1 failed; start with server \(here\)/);
    for (const line of screen.split('\n')) expect(line.length).toBeLessThanOrEqual(60);
  },
);
