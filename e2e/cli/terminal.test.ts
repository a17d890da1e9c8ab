// What a person sees: the real command in a real terminal (tmux), from `init` in a new project to a failed deploy, a
// Ctrl-C and a narrow window. One server for all.
import fs from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CliProject, createCliProject } from '../support/cli-project.ts';
import { type RunningServer, startServer } from '../support/start-server.ts';
import { until } from '../support/until.ts';
import { type Home, makeHome } from './home.ts';
import { type Shell, openShell } from './shell.ts';

/** What a deploy takes at most on a busy machine. */
const endMs = 60_000;

let server: RunningServer;

beforeAll(async () => {
  server = await startServer({ workers: 1 });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

const tomlOf = (name: string, more = ''): string => `name = "${name}"
runtime = "node"
main = "plain.js"
readiness = "http"
health_path = "/who"
instances = 2

[build]
run = "echo 建てる; echo built"
${more}
[rollout]
ready_timeout_s = 5
health_timeout_s = 5
stable_s = 0.3

[envs.production]
route = "${name}.example.com"
servers = ["here"]
https_redirect = false
`;

const open = (of: { dir: string; home: string }, columns: number): Promise<Shell> =>
  openShell({ columns, rows: 40, cwd: of.dir, takoHome: of.home });

const projectOf = (name: string): Promise<CliProject> =>
  createCliProject({ takoToml: tomlOf(name), socketPath: server.socketPath });

/** The command, and its exit code when it has ended. */
async function deploy(terminal: Shell): Promise<void> {
  await terminal.enter('clear; tako deploy --yes; echo "exit=$?"');
}

async function versionOf(name: string): Promise<string | null> {
  const { deployments } = await server.client.api.status.query({ deploymentId: name });
  return deployments[0]?.version ?? null;
}

describe('in a terminal', { timeout: 90_000 }, () => {
  test('a deploy folds what is done, ends with its URL, and leaves the cursor', async () => {
    await using project = await projectOf('seen');
    await using terminal = await open(project, 100);
    await deploy(terminal);
    await terminal.shows(/[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏] instance \d of 2 {2}/);
    const screen = await terminal.shows(/exit=0/, endMs);
    expect(screen).toMatch(
      /✓ Plan .*\n✓ Build .*\n✓ Check servers .*\n✓ Send .*\n✓ Roll out .*\n {2}✓ here {2}2 instances, .*\ndeployed seen \w+ to 1 server in [^]*\nhttps?:\/\/seen\.example\.com/,
    );
    expect(await terminal.cursorIsShown()).toBe(true);
  });

  test('a failed one shows the row that failed, the report, the next command; a narrow window the same', async () => {
    await using project = await projectOf('sad');
    await using terminal = await open(project, 40);
    await deploy(terminal);
    await terminal.shows(/exit=0/, endMs);
    const before = await versionOf('sad');
    await project.change('plain.js', 'console.log("no database 何もない");\nprocess.exit(3);\n');
    await deploy(terminal);
    const screen = await terminal.shows(/exit=7/, endMs);
    expect(screen).toMatch(/✗ here {2}/);
    const flat = screen.replaceAll(/\s+/g, ' ');
    expect(flat).toContain('exited with code 3');
    expect(flat).toContain(`The version before (${before}) still serves.`);
    expect(flat).toContain('| no database 何もない');
    expect(flat).toContain('next: Fix what the output says, and deploy again: tako deploy');
    expect(await versionOf('sad')).toBe(before);
    expect(await terminal.cursorIsShown()).toBe(true);
  });

  test('Ctrl-C in a rollout says what is asked, that all was put back, and leaves the cursor', async () => {
    await using project = await projectOf('stopped');
    await using terminal = await open(project, 80);
    await deploy(terminal);
    await terminal.shows(/exit=0/, endMs);
    const before = await versionOf('stopped');
    await project.change('tako.toml', tomlOf('stopped').replace('stable_s = 0.3', 'stable_s = 30'));
    await deploy(terminal);
    await terminal.shows(/instance 1 of 2 {2}\S+ healthy/);
    await terminal.press('C-c');
    const screen = await terminal.shows(/exit=130/, endMs);
    const flat = screen.replaceAll(/\s+/g, ' ');
    expect(flat).toContain('Interrupted: asking here to put everything back as it was');
    expect(screen).toMatch(/○ here {2}put back/);
    expect(flat).toContain('every server serves what it served');
    expect(await versionOf('stopped')).toBe(before);
    expect(await terminal.cursorIsShown()).toBe(true);
  });

  test('a second Ctrl-C leaves at once and gives the cursor back, and the server puts everything back alone', async () => {
    await using project = await projectOf('left');
    await using terminal = await open(project, 80);
    await deploy(terminal);
    await terminal.shows(/exit=0/, endMs);
    const before = await versionOf('left');
    // Its new version does not listen to SIGTERM: putting back takes as long as its grace.
    await project.change('plain.js', await fs.readFile(path.join(project.dir, 'ignores-sigterm.js'), 'utf8'));
    await project.change(
      'tako.toml',
      tomlOf('left').replace('stable_s = 0.3', 'stable_s = 30\nstop_grace_s = 5'),
    );
    await deploy(terminal);
    await terminal.shows(/instance 1 of 2 {2}\S+ healthy/, endMs);
    await terminal.press('C-c');
    await terminal.shows(/asking here to put everything back/);
    await terminal.press('C-c');
    const screen = await terminal.shows(/exit=\d+/);
    // The first one's end has not come, and is not claimed.
    expect(screen).toContain('exit=130');
    expect(screen).not.toContain('every server serves what it served');
    expect(await terminal.cursorIsShown()).toBe(true);
    const rollout = async () => {
      const { deployments } = await server.client.api.status.query({ deploymentId: 'left' });
      return deployments[0]?.rollout ?? null;
    };
    await until('the server is done', async () => (await rollout()) === null, endMs);
    expect(await versionOf('left')).toBe(before);
  });

  test('a new project is led from init over its first server to its first deploy', async () => {
    await using home: Home = await makeHome();
    await using project = await projectOf('unused');
    await fs.rm(path.join(project.dir, 'tako.toml'));
    await fs.writeFile(
      path.join(project.dir, 'package.json'),
      '{"name":"@me/first","type":"module","main":"plain.js"}',
    );
    await using terminal = await open({ dir: project.dir, home: home.dir }, 100);
    await terminal.enter('clear; tako init; echo "exit=$?"');
    await terminal.shows(/The app's name: \(first\)/);
    await terminal.press('Enter');
    await terminal.shows(/Which file starts it\?/);
    await terminal.press('Enter');
    await terminal.shows(/Where will it be served\?/);
    await terminal.enter('first.example.com');
    await terminal.shows(/Install @tako\/sdk\?/);
    await terminal.press('Enter');
    await terminal.shows(/exit=0/, endMs);
    expect(await fs.readFile(path.join(project.dir, 'tako.toml'), 'utf8')).toMatch(
      /name = "first"[^]*main = "plain\.js"[^]*route = "first\.example\.com"/,
    );
    await terminal.enter('clear; tako deploy; echo "exit=$?"');
    await terminal.shows(/Where is your server\?/);
    await terminal.enter(`unix:${server.socketPath}`);
    await terminal.shows(/Deploy first to production\?/);
    await terminal.press('Enter');
    const screen = await terminal.shows(/exit=\d/, endMs);
    expect(screen).toContain('exit=0');
    expect(await versionOf('first')).not.toBeNull();
    expect(await fs.readFile(path.join(project.dir, 'tako.toml'), 'utf8')).toContain('servers = ["local"]');
  });
});
