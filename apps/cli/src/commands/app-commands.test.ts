import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { secretsDigest, TakoError } from '@tako/config';
import type { LogEvent, RolloutEvent } from '@tako/protocol';
import { expect, it, vi } from 'vitest';
import { deploymentStatus, identity, startScriptedServer } from '../testing/scripted-server.ts';
import { createTestProject } from '../testing/run-tako.ts';
import { startSshd, skipWithoutSshd } from '../testing/sshd.ts';

// Each test starts several processes from their sources, on machines that may be busy.
vi.setConfig({ testTimeout: 60_000 });

it('changes an app under its lock and says so in one line', async () => {
  await using server = await startScriptedServer();
  await using project = await createTestProject({ servers: { web1: server.socketPath } });
  expect(await project.tako(['scale', '3'])).toMatchObject({
    exitCode: 0,
    stdout: 'demo runs 3 instances on each server\n',
  });
  expect((await server.called('scale')).input).toMatchObject({ deploymentId: 'demo', instances: 3 });
  expect(server.procedures()).toEqual(['serverInfo', 'acquireLock', 'scale', 'releaseLock']);
  const run = await project.tako(['rollback', 'v-9', '--env', 'staging', '--json']);
  expect(JSON.parse(run.stdout)).toMatchObject({
    schema: 'tako.rollback/1',
    ok: true,
    deploymentId: 'demo@staging',
    servers: [{ server: 'web1', outcome: 'deployed' }],
  });
  expect((await server.called('rollback')).input).toMatchObject({
    deploymentId: 'demo@staging',
    version: 'v-9',
  });
  expect(server.calls.at(0)?.caller).toMatch(/^.+@.+$/);
});

it('works on an app by name outside of its project', async () => {
  await using server = await startScriptedServer();
  await using project = await createTestProject({ servers: { web1: server.socketPath } });
  expect(await project.tako(['restart', '--app', 'shop', '--env', 'staging'], { cwd: '/' })).toMatchObject({
    exitCode: 0,
    stdout: 'restarted shop@staging\n',
  });
});

it('reports an app that is nowhere with exit 3', async () => {
  const missing = async function* (): AsyncGenerator<RolloutEvent> {
    yield* [];
    throw new TakoError('APP_NOT_FOUND', 'there is no deployment demo');
  };
  await using server = await startScriptedServer({ overrides: { restart: missing } });
  await using project = await createTestProject({ servers: { web1: server.socketPath } });
  expect(await project.tako(['restart'])).toMatchObject({
    exitCode: 3,
    stderr: expect.stringContaining('APP_NOT_FOUND'),
  });
});

it('syncs secrets only to servers that have others, and to none when one value cannot be opened', async () => {
  await using one = await startScriptedServer();
  await using two = await startScriptedServer();
  await using project = await createTestProject({ servers: { web1: one.socketPath, web2: two.socketPath } });
  await project.tako(['secrets', 'set', 'A'], { stdin: 'alpha' });
  two.secrets = { A: 'alpha' };
  const run = await project.tako(['secrets', 'sync']);
  expect(run.exitCode).toBe(0);
  expect(one.secrets).toEqual({ A: 'alpha' });
  expect(two.procedures()).not.toContain('updateSecrets');
  expect(run.stdout + run.stderr).not.toContain('alpha');
  await project.dir.write({ '.tako/secrets': (await readSecrets(project.dir.path)).replace('"A"', '"B"') });
  one.calls.length = 0;
  const broken = await project.tako(['secrets', 'sync']);
  expect(broken).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('SECRET_NOT_OPENED') });
  expect(one.calls).toEqual([]);
});

it('sends secrets with a deploy only when they differ, and stops for a missing name', async () => {
  await using server = await startScriptedServer();
  await using project = await createTestProject({ servers: { web1: server.socketPath } });
  await project.tako(['secrets', 'set', 'A'], { stdin: 'alpha' });
  await project.tako(['deploy', '--yes']);
  expect((await server.called('deploy')).input['secrets']).toEqual({ A: 'alpha' });
  expect((await server.called('prepareRelease')).input['manifest']).toMatchObject({ secret_names: ['A'] });
  server.calls.length = 0;
  await project.tako(['deploy', '--yes']);
  expect((await server.called('deploy')).input).not.toHaveProperty('secrets');
  const staging = await project.tako(['deploy', '--yes', '--env', 'staging']);
  expect(staging).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('SECRETS_MISSING') });
  expect(secretsDigest({ A: 'alpha' })).toBe(secretsDigest(server.secrets));
});

it('shows status with unreachable servers in it, exit 8', async () => {
  await using server = await startScriptedServer({
    overrides: { status: async () => ({ server: identity(), deployments: [deploymentStatus()] }) },
  });
  await using project = await createTestProject({
    servers: { web1: server.socketPath, web2: '/nowhere/tako.sock' },
  });
  const run = await project.tako(['status']);
  expect(run.exitCode).toBe(8);
  expect(run.stdout).toContain('web1: running, 1/1 healthy, 1.3 req/s, 2 in flight');
  expect(run.stdout).toMatch(/web1 {4}v1 {7}demo-1 {4}healthy {2}1 min 0\d s {2}50 MiB/);
  expect(run.stdout).toContain('unreachable web2');
  const json = JSON.parse((await project.tako(['status', '--json'])).stdout) as { servers: unknown[] };
  expect(json.servers).toMatchObject([
    { server: 'web1', deployments: [{ deploymentId: 'demo' }] },
    { server: 'web2', error: { code: 'SERVER_UNREACHABLE' } },
  ]);
});

const entry = (at: number, text: string): LogEvent => ({
  type: 'entry',
  position: at,
  at,
  stream: 'stdout',
  instance: 'i',
  version: 'v',
  text,
});

it('merges the logs of several servers by time, and filters them', async () => {
  const logs = (...events: LogEvent[]) => ({
    overrides: {
      logs: async function* () {
        yield* events;
      },
    },
  });
  await using one = await startScriptedServer(logs(entry(1000, 'first'), entry(3000, 'third \u001b[31mred')));
  await using two = await startScriptedServer(logs(entry(2000, 'second')));
  await using project = await createTestProject({ servers: { web1: one.socketPath, web2: two.socketPath } });
  const run = await project.tako(['logs']);
  expect(run).toMatchObject({ exitCode: 0, stderr: '' });
  expect(run.stdout).toBe(
    '1970-01-01 00:00:01.000 [web1] i first\n1970-01-01 00:00:02.000 [web2] i second\n1970-01-01 00:00:03.000 [web1] i third red\n',
  );
  expect((await project.tako(['logs', '--grep', '^sec'])).stdout).toContain('second');
  expect((await project.tako(['logs', '--grep', '['])).exitCode).toBe(2);
  const json = (await project.tako(['logs', '--json'])).stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);
  expect(json).toMatchObject([{ server: 'web1', text: 'first' }, { server: 'web2' }, { server: 'web1' }]);
});

it('follows, connects again after a cut without losing or repeating a line, and ends quietly with Ctrl-C', async () => {
  const inputs: unknown[] = [];
  const script: { cut: () => void } = { cut: () => undefined };
  await using server = await startScriptedServer({
    overrides: {
      logs: async function* (input, { signal }) {
        inputs.push(input);
        if (inputs.length === 1) {
          yield entry(1000, 'one');
          yield { ...entry(1000, 'two'), position: 1001 };
          await reached.promise;
          script.cut();
        } else {
          yield { ...entry(1000, 'two'), position: 1002 };
          yield { type: 'following', position: 1002 };
          yield entry(2000, 'three');
        }
        await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
      },
    },
  });
  const reached = Promise.withResolvers<void>();
  script.cut = () => server.cut();
  await using project = await createTestProject({ servers: { web1: server.socketPath } });
  const running = project.start(['logs', '--follow']);
  await running.printed('two');
  reached.resolve();
  await running.printed('three');
  running.child.kill('SIGINT');
  const run = await running.finished;
  expect(run.exitCode).toBe(130);
  expect(run.stdout.match(/one|two|three/g)).toEqual(['one', 'two', 'two', 'three']);
  expect(run.stderr).not.toContain('error:');
  expect(inputs).toMatchObject([
    { follow: true, lines: 100 },
    { follow: true, after: 1001 },
  ]);
});

const sshIt = skipWithoutSshd ? it.skip : it;

sshIt('deploys through a real sshd, and doctor names every layer', async () => {
  await using server = await startScriptedServer();
  await using sshd = await startSshd();
  const toml =
    'name = "demo"\nreadiness = "http"\n[envs.production]\nroute = "demo.example.com"\nservers = ["far"]\n';
  await using project = await createTestProject({ toml });
  const env = { TAKO_SSH_CONFIG: sshd.configFile };
  const add = await project.tako(
    ['servers', 'add', `${sshd.user}@127.0.0.1:${sshd.port}`, '--name', 'far', '--socket', server.socketPath],
    { env },
  );
  expect(add).toMatchObject({ exitCode: 0, stdout: 'added far\n' });
  const run = await project.tako(['deploy', '--yes'], { env });
  expect(run).toMatchObject({ exitCode: 0, stdout: 'https://demo.example.com/\n' });
  expect(server.locks.size).toBe(0);
  const doctor = await project.tako(['doctor'], { env });
  expect(doctor.stdout).toContain('server      far: tako-server 0.1.0, protocol');
  expect(doctor.exitCode).toBe(0);
  await sshd.setAuthorized(false);
  const refused = await project.tako(['doctor'], { env });
  expect(refused.exitCode).toBe(4);
  expect(refused.stdout).toContain('start with ssh (far)');
  await sshd.setAuthorized(true);
  await sshd.setKnownHostKey('other');
  expect(await project.tako(['restart'], { env })).toMatchObject({
    exitCode: 4,
    stderr: expect.stringContaining('SSH_HOST_KEY_CHANGED'),
  });
});

sshIt('goes on with an upload where it was when ssh breaks in its middle', async () => {
  await using sshd = await startSshd();
  let cuts = 0;
  await using server = await startScriptedServer({
    onBytes: (held) => {
      if (cuts > 0 || held < 1_000_000) return;
      cuts += 1;
      void sshd.cut();
    },
  });
  const toml =
    'name = "demo"\nreadiness = "http"\n[envs.production]\nroute = "demo.example.com"\nservers = ["far"]\n';
  await using project = await createTestProject({ toml });
  // Random bytes, which no gzip makes small.
  await writeFile(path.join(project.dir.path, 'big.bin'), randomBytes(24 * 1024 * 1024));
  const env = { TAKO_SSH_CONFIG: sshd.configFile };
  await project.tako(
    ['servers', 'add', `${sshd.user}@127.0.0.1:${sshd.port}`, '--name', 'far', '--socket', server.socketPath],
    { env },
  );
  const run = await project.tako(['deploy', '--yes', '--verbose'], { env });
  expect(run).toMatchObject({ exitCode: 0 });
  expect(run.stderr).toContain('the connection broke; going on over a new one');
  expect(cuts).toBe(1);
  const { input } = await server.called('prepareRelease');
  // Nothing that had arrived was sent again.
  expect(server.uploadedBytes()).toBe(input['sizeBytes']);
  expect(server.locks.size).toBe(0);
});

const readSecrets = (directory: string): Promise<string> =>
  readFile(path.join(directory, '.tako/secrets'), 'utf8');
