// Story: a secret's plain value stands nowhere, from `tako secrets set` to `tako delete`; apps that cannot read fd 3 may
// have it in their environment, and only there, when the user says so.
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { type CliProject, createCliProject } from '../support/cli-project.ts';
import { askJson } from '../support/http-get.ts';
import { descendants } from '../support/processes.ts';
import type { RunningServer } from '../support/start-server.ts';
import { startTestServer } from '../support/test-server.ts';
import { findPlainText } from './find-plain-text.ts';

const host = 'vault.example.com';

const tomlOf = (more: string): string => `name = "vault"
runtime = "node"
main = "plain.js"
readiness = "http"
health_path = "/who"
release_command = "echo the release command runs"

[vars]
MARKER = "marker-that-may-be-seen"

[rollout]
stable_s = 0.1
${more}
[envs.production]
route = "${host}"
servers = ["here"]
https_redirect = false
`;

const digestOf = (value: string): string => createHash('sha256').update(value).digest('hex');

/** What the app says it got, by the digest of each value. */
const secretsOfApp = (server: RunningServer) =>
  askJson<Record<string, string>>({ port: server.httpPort, host, path: '/secrets' });

class Story {
  readonly server: RunningServer;
  readonly project: CliProject;
  readonly #outputs: Record<string, string> = {};

  constructor(server: RunningServer, project: CliProject) {
    this.server = server;
    this.project = project;
  }

  async tako(args: readonly string[], input?: string): Promise<void> {
    const result = await this.project.succeed(args, input === undefined ? {} : { input });
    this.#outputs[`output of tako ${args.join(' ')}`] = result.output;
  }

  /** Folders of the server and of the project, /proc, and everything that anybody said. */
  async find(values: readonly string[]) {
    const audit = await this.server.client.api.audit.query({ limit: 1000 });
    const status = await this.server.client.api.status.query({});
    return findPlainText(values, {
      folders: [this.server.dir, this.project.dir, this.project.home],
      texts: {
        ...this.#outputs,
        'server log': this.server.log(),
        audit: JSON.stringify(audit),
        status: JSON.stringify(status),
      },
    });
  }
}

test('after set, deploy, rotate, a crash of the server, remove and delete a plain value is found nowhere', async () => {
  const [first, second] = ['plain-value-one-4f6b1c', 'plain-value-two-9d2e7a'];
  const other = 'another-plain-value-c8a05b';
  await using firstServer = await startTestServer({ args: ['--log-level', 'debug'] });
  await using project = await createCliProject({ takoToml: tomlOf(''), socketPath: firstServer.socketPath });
  const story = new Story(firstServer, project);

  await story.tako(['secrets', 'set', 'API_KEY', '--env', 'production'], first);
  await story.tako(['secrets', 'set', 'OTHER', '--env', 'production'], other);
  await story.tako(['secrets', 'ls']);
  await story.tako(['deploy', '--env', 'production', '--yes', '--verbose']);
  expect(await secretsOfApp(firstServer)).toEqual({ API_KEY: digestOf(first), OTHER: digestOf(other) });
  expect(await story.find([first, other])).toEqual([]);

  // The check of the check: what is not secret is seen where the manifest and the environment are.
  const seen = (await story.find(['marker-that-may-be-seen'])).map(({ where }) => where);
  expect(seen.some((where) => where.endsWith('/app.json'))).toBe(true);
  expect(seen.some((where) => where.endsWith('/environ'))).toBe(true);
  expect(seen.some((where) => where.includes('runtime-state.sqlite3'))).toBe(true);

  await story.tako(['secrets', 'set', 'API_KEY', '--env', 'production'], second);
  await story.tako(['secrets', 'sync', '--env', 'production', '--json']);
  expect(await secretsOfApp(firstServer)).toMatchObject({ API_KEY: digestOf(second) });
  expect(await story.find([first, second, other])).toEqual([]);

  await story.tako(['secrets', 'rm', 'OTHER', '--env', 'production']);
  await story.tako(['deploy', '--env', 'production', '--yes', '--json']);
  expect(await secretsOfApp(firstServer)).toEqual({ API_KEY: digestOf(second) });

  await firstServer.kill();
  await using server = await firstServer.restart();
  const after = new Story(server, project);
  expect(await secretsOfApp(server)).toEqual({ API_KEY: digestOf(second) });
  expect(await after.find([first, second, other])).toEqual([]);

  await after.tako(['delete', '--env', 'production', '--confirm', 'vault', '--yes']);
  expect(await after.find([first, second, other])).toEqual([]);
  expect(fs.readdirSync(path.join(server.dataDir, 'apps'))).toEqual([]);
});

test('secrets of a deploy that fails are found nowhere, and those before it stay', async () => {
  const [good, bad] = ['good-plain-value-71fe', 'bad-plain-value-2c90'];
  await using server = await startTestServer();
  await using project = await createCliProject({ takoToml: tomlOf(''), socketPath: server.socketPath });
  const story = new Story(server, project);
  await story.tako(['secrets', 'set', 'API_KEY', '--env', 'production'], good);
  await story.tako(['deploy', '--env', 'production', '--yes']);
  await story.tako(['secrets', 'set', 'API_KEY', '--env', 'production'], bad);
  await project.change('plain.js', `process.exit(3);\n`);
  const failed = await project.run(['deploy', '--env', 'production', '--yes', '--verbose']);
  expect(failed).toMatchObject({ exitCode: 7, output: expect.not.stringContaining(bad) as string });
  expect(await secretsOfApp(server)).toEqual({ API_KEY: digestOf(good) });
  expect(await story.find([good, bad])).toEqual([]);
  expect(
    fs.readdirSync(path.join(server.dataDir, 'apps/vault')).filter((name) => name.includes('next')),
  ).toEqual([]);
});

test('with secrets.expose = "env" the value stands in the environment of the app’s own processes, and nowhere else', async () => {
  const value = 'exposed-plain-value-5b33';
  await using server = await startTestServer();
  await using project = await createCliProject({
    takoToml: tomlOf('[secrets]\nexpose = "env"\n'),
    socketPath: server.socketPath,
  });
  const story = new Story(server, project);
  await story.tako(['secrets', 'set', 'API_KEY', '--env', 'production'], value);
  await story.tako(['deploy', '--env', 'production', '--yes']);
  const { pid } = await askJson<{ pid: number }>({ port: server.httpPort, host, path: '/who' });
  const own = [pid, ...descendants(pid)].map((each) => `/proc/${each}/environ`);
  const found = (await story.find([value])).map(({ where }) => where);
  expect(found).toContain(`/proc/${pid}/environ`);
  expect(found.filter((where) => !own.includes(where))).toEqual([]);
});
