// Story: somebody presses Ctrl-C, or two people deploy at once. What has begun is put back or finished, who holds the
// lock is said, and no lock stays.
import fs from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { type CliProject, createCliProject } from '../support/cli-project.ts';
import { ask } from '../support/http-get.ts';
import type { RunningServer } from '../support/start-server.ts';
import { startTestServer } from '../support/test-server.ts';
import { lockOf } from '../support/test-release.ts';
import { until } from '../support/until.ts';
import { settled } from './leftovers.ts';

const deployCommand = ['deploy', '--env', 'production', '--yes'];

const tomlOf = (stableS: number, build = ''): string => `name = "web"
runtime = "node"
main = "plain.js"
readiness = "http"
health_path = "/who"
instances = 2

[build]
${build}

[rollout]
stable_s = ${stableS}

[envs.production]
route = "web.example.com"
servers = ["here"]
https_redirect = false
`;

async function pidsOf(server: RunningServer): Promise<(number | null)[]> {
  const { deployments } = await server.client.api.status.query({});
  return deployments.flatMap(({ builds }) =>
    builds.flatMap(({ instances }) => instances.map(({ pid }) => pid)),
  );
}

async function rolloutOf(server: RunningServer) {
  const { deployments } = await server.client.api.status.query({});
  return deployments[0]?.rollout ?? null;
}

/** Right now, not at its expiry. */
async function isFree(server: RunningServer, project: CliProject): Promise<void> {
  const { token } = await server.client.api.acquire_lock.mutate(lockOf('web'));
  await server.client.api.release_lock.mutate({ deploymentId: 'web', token });
  const lock = fs.access(path.join(project.dir, '.tako/deploy.lock'));
  await expect(lock).rejects.toMatchObject({ code: 'ENOENT' });
}

test('the first Ctrl-C in a rollout has the server put everything back, says so, and leaves no lock', async () => {
  await using server = await startTestServer({ workers: 1 });
  await using project = await createCliProject({ takoToml: tomlOf(0.1), socketPath: server.socketPath });
  await project.succeed(deployCommand);
  const before = await ask({ port: server.httpPort, host: 'web.example.com' });
  const pids = await pidsOf(server);
  await project.change('tako.toml', tomlOf(20));
  const cli = await project.start(deployCommand);
  await until('the rollout is under way', () => rolloutOf(server));
  cli.child.kill('SIGINT');
  const exit = await cli.closed;
  expect({ ...exit, output: cli.output() }).toMatchObject({
    code: 130,
    output: expect.stringContaining('asking here to put everything back') as string,
  });
  await isFree(server, project);
  await settled(server, 'web', { version: before.version, instances: 2 });
  // The very processes that served before.
  expect(await pidsOf(server)).toEqual(pids);
});

test('the second Ctrl-C leaves at once; the server puts everything back by itself', async () => {
  await using server = await startTestServer({ workers: 1 });
  await using project = await createCliProject({ takoToml: tomlOf(0.1), socketPath: server.socketPath });
  await project.succeed(deployCommand);
  const before = await ask({ port: server.httpPort, host: 'web.example.com' });
  // Its new version does not listen to SIGTERM: putting back takes as long as its grace.
  await project.change('plain.js', await fs.readFile(path.join(project.dir, 'ignores-sigterm.js'), 'utf8'));
  await project.change('tako.toml', tomlOf(20).replace('stable_s', 'stop_grace_s = 4\nstable_s'));
  const cli = await project.start(deployCommand);
  await until('the new instance is healthy', async () => {
    const { deployments } = await server.client.api.status.query({});
    const builds = deployments[0]?.builds.filter(({ current }) => !current) ?? [];
    return builds.some(({ instances }) => instances.some(({ state }) => state === 'healthy'));
  });
  cli.child.kill('SIGINT');
  await cli.printed(/asking here to put everything back/);
  const askedAt = performance.now();
  cli.child.kill('SIGINT');
  expect((await cli.closed).code).toBe(130);
  expect(performance.now() - askedAt).toBeLessThan(2500);
  await isFree(server, project);
  await settled(server, 'web', { version: before.version, instances: 2 });
});

test('Ctrl-C in the build ends the build, and leaves nothing on the server and no lock', async () => {
  await using server = await startTestServer({ workers: 1 });
  const takoToml = tomlOf(0.1, "run = '''echo \"the build is under way\"; sleep 600006'''");
  await using project = await createCliProject({ takoToml, socketPath: server.socketPath });
  const cli = await project.start([...deployCommand, '--verbose']);
  await cli.printed(/the build is under way/);
  cli.child.kill('SIGINT');
  expect((await cli.closed).code).toBe(130);
  await isFree(server, project);
  expect((await server.client.api.status.query({})).deployments).toEqual([]);
});

test('a second deployer is told who is at work, and changes nothing: of the same project, and of another copy', async () => {
  await using server = await startTestServer({ workers: 1 });
  const takoToml = tomlOf(0.1, "run = '''echo \"the build is under way\"; sleep 600007'''");
  await using project = await createCliProject({ takoToml, socketPath: server.socketPath });
  await using copy = await createCliProject({ takoToml: tomlOf(0.1), socketPath: server.socketPath });
  const first = await project.start([...deployCommand, '--verbose']);
  await first.printed(/the build is under way/);
  await until('the app is locked', () =>
    fs.access(path.join(server.dataDir, 'apps/web/.deploy_lock')).then(
      () => true,
      () => false,
    ),
  );
  const [inSame, inCopy] = await Promise.all([project.run(deployCommand), copy.run(deployCommand)]);
  for (const [result, code] of [
    [inSame, 'PROJECT_LOCKED'],
    [inCopy, 'DEPLOYMENT_LOCKED'],
  ] as const) {
    expect(result).toMatchObject({ exitCode: 6 });
    expect(result.stderr).toContain(code);
    expect(result.stderr).toContain('tako deploy');
    expect(result.stderr).toContain(`pid ${first.pid}`);
  }
  first.child.kill('SIGINT');
  await first.closed;
  await copy.succeed(deployCommand);
});
