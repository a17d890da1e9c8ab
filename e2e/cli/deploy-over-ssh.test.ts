// A person's first hour with the real command, the real server and the real OpenSSH between them.
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { createExampleProject } from '../support/example-project.ts';
import { runTako, startTako, type TakoResult } from '../support/run-tako.ts';
import { startServer, type RunningServer } from '../support/start-server.ts';
import { startSshd, type Sshd } from '../support/sshd.ts';
import { makeHome, type Home } from './home.ts';

const toml = (servers: readonly string[], more = ''): string => `name = "shop"
runtime = "node"
main = "server.js"
readiness = "http"
health_path = "/healthz"
${more}
[rollout]
ready_timeout_s = 5
health_timeout_s = 5
stable_s = 0.5
[envs.production]
route = "shop.example.com"
https_redirect = false
servers = [${servers.map((name) => `"${name}"`).join(', ')}]
`;

const fetchShop = async (server: RunningServer): Promise<string> => {
  const response = await server.client.api.status.query({ deploymentId: 'shop' });
  const [deployment] = response.deployments;
  return deployment?.version ?? 'none';
};

function taker(home: Home, cwd: string, sshd?: Sshd): (...args: string[]) => Promise<TakoResult> {
  const env = sshd === undefined ? {} : { TAKO_SSH_CONFIG: sshd.configFile };
  return (...args) => runTako(args, { cwd, home: home.dir, env });
}

it('ships an app over ssh, changes it, rolls back, reads its log, and deletes it', async () => {
  await using server = await startServer();
  await using sshd = await startSshd();
  await using home = await makeHome();
  await using project = await createExampleProject('node-http', { takoToml: toml(['far']) });
  const tako = taker(home, project.appDir, sshd);
  const added = await tako(
    'servers',
    'add',
    `${sshd.user}@${sshd.host}:${sshd.port}`,
    '--name',
    'far',
    '--socket',
    server.socketPath,
  );
  expect(added).toMatchObject({ exitCode: 0, stdout: 'added far\n' });
  const first = await tako('deploy', '--yes');
  expect(first).toMatchObject({ exitCode: 0 });
  expect(first.stdout).toMatch(/^https?:\/\/shop\.example\.com/);
  const before = await fetchShop(server);
  await project.commitEdit('server.js', (text) => text.replace('Hello', 'Good day'));
  const second = JSON.parse(
    (await tako('deploy', '--yes', '--json')).stdout.trim().split('\n').at(-1) ?? '',
  ) as Record<string, unknown>;
  expect(second).toMatchObject({
    ok: true,
    servers: [{ server: 'far', outcome: 'deployed', cutConnections: 0 }],
  });
  expect(await fetchShop(server)).toBe(second['version']);
  expect(await tako('scale', '2')).toMatchObject({ exitCode: 0 });
  expect((await tako('status')).stdout).toContain('far: running, 2/2 healthy');
  expect(await tako('rollback')).toMatchObject({ exitCode: 0, stdout: `shop serves ${before}\n` });
  expect((await tako('releases', 'ls')).stdout).toMatch(new RegExp(`^\\*\\s+far\\s+${before}`, 'm'));
  expect((await tako('logs', '--lines', '20')).stdout).toContain('listening on');
  expect(await tako('doctor')).toMatchObject({ exitCode: 0 });
  expect(await tako('stop', '--yes')).toMatchObject({ exitCode: 0 });
  expect(await tako('start')).toMatchObject({ exitCode: 0 });
  expect(await tako('delete', '--confirm', 'shop')).toMatchObject({ exitCode: 0 });
  expect(await tako('status')).toMatchObject({ exitCode: 3 });
}, 120_000);

it('tells why a version never got healthy, exits 7, and the old one serves on', async () => {
  await using server = await startServer();
  await using home = await makeHome();
  await using project = await createExampleProject('node-http', { takoToml: toml(['here']) });
  const tako = taker(home, project.appDir);
  await tako('servers', 'add', `unix:${server.socketPath}`, '--name', 'here');
  await tako('deploy', '--yes');
  const before = await fetchShop(server);
  const failures: readonly [(text: string) => string, RegExp][] = [
    [
      () => 'console.error("cannot find my database"); process.exit(3);',
      /exited with code 3[\s\S]*\| cannot find my database/,
    ],
    [
      (text) => text.replace('Number(process.env.PORT ?? 3000)', '0'),
      /listens on 127\.0\.0\.1:\d+, expected \$PORT = \d+/,
    ],
    [
      (text) => text.replace("return response.end('ok\\n')", "return response.writeHead(500).end('db down')"),
      /status 500[\s\S]*db down/,
    ],
  ];
  for (const [edit, told] of failures) {
    const good = await readFile(path.join(project.appDir, 'server.js'), 'utf8');
    await project.commitEdit('server.js', edit);
    const run = await tako('deploy', '--yes');
    expect(run).toMatchObject({ exitCode: 7, stdout: '' });
    expect(run.stderr).toMatch(told);
    expect(run.stderr).toContain(`(${before}) still serves`);
    expect(await fetchShop(server)).toBe(before);
    await project.commitChange('server.js', good);
  }
}, 120_000);

it('reverts at a Ctrl-C in the middle of a rollout, and the next deploy finds no lock', async () => {
  await using server = await startServer();
  await using sshd = await startSshd();
  await using home = await makeHome();
  const slow = toml(['far']).replace('stable_s = 0.5', 'stable_s = 20');
  await using project = await createExampleProject('node-http', { takoToml: toml(['far']) });
  const tako = taker(home, project.appDir, sshd);
  await tako(
    'servers',
    'add',
    `${sshd.user}@${sshd.host}:${sshd.port}`,
    '--name',
    'far',
    '--socket',
    server.socketPath,
  );
  expect(await tako('deploy', '--yes')).toMatchObject({ exitCode: 0 });
  const before = await fetchShop(server);
  await project.commitChange('tako.toml', slow);
  const running = await startTako(['deploy', '--yes', '--verbose'], {
    cwd: project.appDir,
    home: home.dir,
    env: { TAKO_SSH_CONFIG: sshd.configFile },
  });
  await running.printed(/Roll out[^\n]*healthy/);
  running.child.kill('SIGINT');
  expect(await running.exited).toMatchObject({ code: 130 });
  expect(running.stderr()).toContain('asking far to put everything back');
  expect(await fetchShop(server)).toBe(before);
  await project.commitChange('tako.toml', toml(['far']));
  expect(await tako('deploy', '--yes')).toMatchObject({ exitCode: 0 });
}, 120_000);

it('joins the rollout again when the ssh connection is cut in its middle', async () => {
  await using server = await startServer();
  await using sshd = await startSshd();
  await using home = await makeHome();
  await using project = await createExampleProject('node-http', {
    takoToml: toml(['far']).replace('stable_s = 0.5', 'stable_s = 4'),
  });
  const tako = taker(home, project.appDir, sshd);
  await tako(
    'servers',
    'add',
    `${sshd.user}@${sshd.host}:${sshd.port}`,
    '--name',
    'far',
    '--socket',
    server.socketPath,
  );
  const running = await startTako(['deploy', '--yes', '--verbose'], {
    cwd: project.appDir,
    home: home.dir,
    env: { TAKO_SSH_CONFIG: sshd.configFile },
  });
  await running.printed(/Roll out[^\n]*healthy/);
  expect(sshd.cutSessions()).toBeGreaterThan(0);
  expect({ ...(await running.exited), output: running.output() }).toMatchObject({ code: 0 });
  expect(running.output()).toContain('joining the rollout again');
}, 120_000);

it('keeps secrets out of everything it prints, and brings them to the app', async () => {
  await using server = await startServer();
  await using home = await makeHome();
  await using project = await createExampleProject('node-http', {
    takoToml: toml(['here'], '[secrets]\nexpose = "env"'),
  });
  const tako = taker(home, project.appDir);
  await tako('servers', 'add', `unix:${server.socketPath}`, '--name', 'here');
  await project.commitEdit(
    'server.js',
    (text) => `console.log('length', (process.env.API_TOKEN ?? '').length);\n${text}`,
  );
  const value = 'tell-nobody-0123456789';
  const set = await runTako(['secrets', 'set', 'API_TOKEN'], {
    cwd: project.appDir,
    home: home.dir,
    input: value,
  });
  expect(set.exitCode).toBe(0);
  const runs = [set, await tako('deploy', '--yes', '--verbose'), await tako('secrets', 'sync', '--json')];
  expect(runs.map((run) => run.exitCode)).toEqual([0, 0, 0]);
  expect(runs.map((run) => run.output).join('')).not.toContain(value);
  expect(runs[2]?.stdout).toContain('"unchanged"');
  expect((await tako('logs')).stdout).toContain(`length ${value.length}`);
}, 120_000);
