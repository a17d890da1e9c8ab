import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import http from 'node:http';
import path from 'node:path';
import { TakoError } from '@tako/config';
import type { RolloutEvent } from '@tako/protocol';
import { expect, it, vi } from 'vitest';
import { deploymentStatus, goodRollout, identity, startScriptedServer } from '../testing/scripted-server.ts';
import { createTestProject } from '../testing/run-tako.ts';
import { openTempDirectory } from '../testing/temp-directory.ts';

// Each test starts several processes from their sources, on machines that may be busy.
vi.setConfig({ testTimeout: 60_000 });

it('ships a project: checks, uploads, prepares, rolls out, and prints the URL', async () => {
  await using server = await startScriptedServer();
  await using project = await createTestProject({ servers: { web1: server.socketPath } });
  const run = await project.tako(['deploy', '--yes']);
  expect(run).toMatchObject({ exitCode: 0, stdout: 'https://demo.example.com/\n' });
  expect(run.stderr).toContain('deployed demo');
  const order = ['acquireLock', 'preflight', 'prepareRelease', 'deploy', 'releaseLock'];
  expect(server.procedures().filter((name) => order.includes(name))).toEqual(order);
  const id = await project.repository.git('rev-parse', 'HEAD');
  const prepare = await server.called('prepareRelease');
  expect(prepare.input['manifest']).toMatchObject({
    app: 'demo',
    env: 'production',
    version: id.slice(0, 12),
    main: 'index.js',
    start: ['node', 'index.js'],
    commit: id,
    commit_message: 'the app',
    dirty: false,
    app_dir: '.',
  });
  expect((await server.called('deploy')).input).not.toHaveProperty('secrets');
  expect(server.locks.size).toBe(0);
  expect(existsSync(path.join(project.dir.path, '.tako/deploy.lock'))).toBe(false);
  expect(await project.repository.git('status', '--porcelain')).toBe('');
});

it('prints one JSON value a line, the result last, and nothing else', async () => {
  await using server = await startScriptedServer();
  await using project = await createTestProject({ servers: { web1: server.socketPath } });
  const run = await project.tako(['deploy', '--yes', '--json']);
  expect(run).toMatchObject({ exitCode: 0, stderr: '' });
  const lines = run.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(new Set(lines.map((line) => line['type']))).toContain('task.started');
  expect(lines.at(-1)).toMatchObject({
    type: 'result',
    schema: 'tako.deploy/1',
    ok: true,
    deploymentId: 'demo',
    urls: ['https://demo.example.com/'],
    servers: [{ server: 'web1', outcome: 'deployed' }],
  });
});

it('shows the plan with --dry-run, and touches nothing', async () => {
  await using server = await startScriptedServer();
  await using project = await createTestProject({ servers: { web1: server.socketPath } });
  const run = await project.tako(['deploy', '--dry-run']);
  expect(run.exitCode).toBe(0);
  expect(run.stdout).toContain('Servers     web1');
  expect(server.calls).toEqual([]);
  expect(existsSync(path.join(project.dir.path, '.tako'))).toBe(false);
});

it('writes the only known server into tako.toml for production, and refuses to guess among several', async () => {
  await using one = await startScriptedServer();
  await using two = await startScriptedServer();
  const toml = 'name = "demo"\nreadiness = "http"\n[envs.production]\nroute = "demo.example.com" # ours\n';
  await using project = await createTestProject({ servers: { web1: one.socketPath }, toml });
  expect((await project.tako(['deploy', '--yes'])).exitCode).toBe(0);
  expect(await readFile(path.join(project.dir.path, 'tako.toml'), 'utf8')).toBe(
    `${toml}servers = ["web1"]\n`,
  );
  await using several = await createTestProject({
    servers: { web1: one.socketPath, web2: two.socketPath },
    toml,
  });
  const run = await several.tako(['deploy', '--yes']);
  expect(run.exitCode).toBe(2);
  expect(run.stderr).toContain('SERVERS_NOT_CHOSEN');
  expect(await readFile(path.join(several.dir.path, 'tako.toml'), 'utf8')).toBe(toml);
});

it('shows the preflight problems of all servers, stops the build, and leaves no lock', async () => {
  const problem = (code: string, message: string) => ({
    code,
    severity: 'error' as const,
    message,
    hint: null,
  });
  await using one = await startScriptedServer({
    overrides: {
      preflight: async () => ({ problems: [problem('ROUTE_CONFLICT', 'the route belongs to shop')] }),
    },
  });
  await using two = await startScriptedServer({
    overrides: {
      preflight: async () => ({
        problems: [problem('DISK_FULL', '3 MiB free'), problem('INODES_LOW', '5 inodes free')],
      }),
    },
  });
  const toml = `name = "demo"\nreadiness = "http"\n[build]\nrun = "echo building; sleep 60"\n[envs.production]\nroute = "demo.example.com"\nservers = ["web1", "web2"]\n`;
  await using project = await createTestProject({
    servers: { web1: one.socketPath, web2: two.socketPath },
    toml,
  });
  const run = await project.tako(['deploy', '--yes']);
  expect(run.exitCode).toBe(1);
  for (const text of ['the route belongs to shop', '3 MiB free', '5 inodes free', 'web1', 'web2'])
    expect(run.stderr).toContain(text);
  expect([one.locks.size, two.locks.size]).toEqual([0, 0]);
  expect([...one.procedures(), ...two.procedures()]).not.toContain('prepareRelease');
});

it('releases the locks when the build fails, and shows its last lines', async () => {
  await using server = await startScriptedServer();
  const toml = `name = "demo"\n[build]\nrun = "echo last words; exit 3"\n[envs.production]\nroute = "demo.example.com"\nservers = ["web1"]\n`;
  await using project = await createTestProject({ servers: { web1: server.socketPath }, toml });
  const run = await project.tako(['deploy', '--yes']);
  expect(run.exitCode).toBe(1);
  expect(run.stderr).toMatch(/BUILD_FAILED/);
  expect(run.stderr).toContain('    | last words');
  expect(server.locks.size).toBe(0);
});

it('says who holds the lock, and waits for it when asked', async () => {
  let tries = 0;
  await using server = await startScriptedServer({
    overrides: {
      acquireLock: async () => {
        tries += 1;
        if (tries === 1)
          throw new TakoError('DEPLOYMENT_LOCKED', 'demo is locked by anna@laptop since 12:00');
        return { token: 'a-token-of-this-lock', expiresAt: Date.now() + 30_000, ttlMs: 30_000 };
      },
    },
  });
  await using project = await createTestProject({ servers: { web1: server.socketPath } });
  const refused = await project.tako(['deploy', '--yes']);
  expect(refused.exitCode).toBe(6);
  expect(refused.stderr).toContain('demo is locked by anna@laptop');
  tries = 0;
  expect((await project.tako(['deploy', '--yes', '--wait-lock'])).exitCode).toBe(0);
});

it('lets one deploy of a project run at a time on a machine, and takes over the lock of a dead one', async () => {
  const started = Promise.withResolvers<void>();
  const go = Promise.withResolvers<void>();
  await using server = await startScriptedServer({
    overrides: {
      deploy: async function* ({ version }) {
        started.resolve();
        await go.promise;
        yield* goodRollout(version);
      },
    },
  });
  await using project = await createTestProject({ servers: { web1: server.socketPath } });
  const first = project.start(['deploy', '--yes']);
  await started.promise;
  const second = await project.tako(['deploy', '--yes']);
  expect(second.exitCode).toBe(6);
  expect(second.stderr).toContain(`(pid ${first.child.pid})`);
  first.child.kill('SIGKILL');
  await first.finished;
  go.resolve();
  server.cut();
  (server.locks as Map<string, string>).clear();
  expect((await project.tako(['deploy', '--yes'])).exitCode).toBe(0);
});

const rolledBack: RolloutEvent = {
  type: 'rolledBack',
  rolloutId: 'r-1',
  code: 'INSTANCE_NEVER_READY',
  reason: 'did not become ready within 30 s',
  evidence: {
    instance: 'demo-1',
    phase: 'readiness',
    exitCode: null,
    signal: null,
    probe: {
      url: 'http://127.0.0.1:41023/',
      status: 302,
      firstBytes: '',
      error: 'redirects to https://demo.example.com/',
    },
    listening: '127.0.0.1:5173, expected $PORT = 41023',
    lastLines: ['starting', 'ready on 5173'],
  },
  durationMs: 30_000,
};

async function* badRollout(version: string): AsyncGenerator<RolloutEvent> {
  yield {
    type: 'started',
    rolloutId: 'r-1',
    kind: 'deploy',
    from: 'v-old',
    to: version,
    steps: 1,
    at: Date.now(),
  };
  yield { type: 'reverting', reason: 'not ready', at: Date.now() };
  yield rolledBack;
}

it('tells everything about a rollout that was reverted, and exits 7', async () => {
  await using server = await startScriptedServer({
    overrides: { deploy: ({ version }) => badRollout(version) },
  });
  await using project = await createTestProject({ servers: { web1: server.socketPath } });
  const run = await project.tako(['deploy', '--yes']);
  expect(run).toMatchObject({ exitCode: 7, stdout: '' });
  for (const text of [
    'did not become ready within 30 s',
    'http://127.0.0.1:41023/: status 302 (redirects to https://demo.example.com/)',
    'listens on 127.0.0.1:5173, expected $PORT = 41023',
    '    | ready on 5173',
    'The version before (v-old) still serves.',
    'Make the app listen on the port in $PORT',
    'INSTANCE_NEVER_READY',
  ]) {
    expect(run.stderr).toContain(text);
  }
});

it('exits 8 when only some servers failed, with the commands that finish or go back', async () => {
  await using one = await startScriptedServer();
  await using two = await startScriptedServer({
    overrides: { deploy: ({ version }) => badRollout(version) },
  });
  await using project = await createTestProject({ servers: { web1: one.socketPath, web2: two.socketPath } });
  const run = await project.tako(['deploy', '--yes', '--json']);
  expect(run.exitCode).toBe(8);
  const last = JSON.parse(run.stdout.trim().split('\n').at(-1) ?? '') as {
    ok: boolean;
    error: Record<string, unknown>;
  };
  expect(last).toMatchObject({
    ok: false,
    error: {
      code: 'PARTIAL_FAILURE',
      hint: 'Finish: tako deploy --env production --server web2   or go back: tako rollback --env production --server web1',
    },
  });
});

it('runs the release command on the first server only, and aborts everywhere when it fails', async () => {
  await using one = await startScriptedServer({
    overrides: {
      runReleaseCommand: async function* () {
        yield { type: 'output', stream: 'stderr', text: 'relation "users" exists' };
        yield { type: 'exited', exitCode: 1, signal: null, timedOut: false, durationMs: 1 };
      },
    },
  });
  await using two = await startScriptedServer();
  const toml = `name = "demo"\nreadiness = "http"\nrelease_command = "npm run migrate"\n[envs.production]\nroute = "demo.example.com"\nservers = ["web1", "web2"]\n`;
  await using project = await createTestProject({
    servers: { web1: one.socketPath, web2: two.socketPath },
    toml,
  });
  const run = await project.tako(['deploy', '--yes']);
  expect(run.exitCode).toBe(9);
  expect(run.stderr).toContain('relation "users" exists');
  expect(two.procedures()).toContain('prepareRelease');
  expect([...one.procedures(), ...two.procedures()]).not.toContain('deploy');
  expect(two.procedures()).not.toContain('runReleaseCommand');
});

it('joins a rollout again whose stream was cut', async () => {
  const script: { cut: () => void } = { cut: () => undefined };
  await using server = await startScriptedServer({
    overrides: {
      deploy: async function* ({ version }, { signal }) {
        yield {
          type: 'started',
          rolloutId: 'r-7',
          kind: 'deploy',
          from: null,
          to: version,
          steps: 1,
          at: Date.now(),
        };
        script.cut();
        await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
      },
      // Asked when the cut came before the client had read the rollout's id.
      status: async () => ({
        server: identity(),
        deployments: [deploymentStatus({ rollout: { id: 'r-7', kind: 'deploy', to: 'v', startedAt: 0 } })],
      }),
      rollout: () => goodRollout('v'),
    },
  });
  script.cut = () => server.cut();
  await using project = await createTestProject({ servers: { web1: server.socketPath } });
  const run = await project.tako(['deploy', '--yes']);
  expect(run.stderr).not.toContain('error:');
  expect(run.exitCode).toBe(0);
  expect((await server.called('rollout')).input).toEqual({ rolloutId: 'r-7' });
});

it('asks for the revert at the first Ctrl-C, waits for it, and exits 130', async () => {
  const reverted = Promise.withResolvers<void>();
  const revertRollout = async (): Promise<void> => reverted.resolve();
  await using server = await startScriptedServer({
    overrides: {
      deploy: async function* ({ version }) {
        yield {
          type: 'started',
          rolloutId: 'r-9',
          kind: 'deploy',
          from: 'v-old',
          to: version,
          steps: 1,
          at: Date.now(),
        };
        await reverted.promise;
        yield {
          ...rolledBack,
          type: 'rolledBack',
          code: 'ROLLOUT_REVERTED',
          reason: 'the revert was asked for',
          evidence: null,
        };
      },
      revertRollout,
    },
  });
  await using project = await createTestProject({ servers: { web1: server.socketPath } });
  const running = project.start(['deploy', '--yes']);
  await server.called('deploy');
  running.child.kill('SIGINT');
  const run = await running.finished;
  expect(run.exitCode).toBe(130);
  expect(run.stderr).toContain('asking web1 to put everything back');
  expect((await server.called('revertRollout')).input).toEqual({ rolloutId: 'r-9' });
  expect(server.locks.size).toBe(0);
});

it('releases the lease at a Ctrl-C before the rollout, and leaves no rollout', async () => {
  const preparing = Promise.withResolvers<void>();
  await using server = await startScriptedServer({
    overrides: {
      prepareRelease: async function* (_input, { signal }) {
        yield { type: 'phase', phase: 'install', at: Date.now() };
        preparing.resolve();
        await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
      },
    },
  });
  await using project = await createTestProject({ servers: { web1: server.socketPath } });
  const running = project.start(['deploy', '--yes']);
  await preparing.promise;
  running.child.kill('SIGINT');
  const run = await running.finished;
  expect(run.exitCode).toBe(130);
  expect(run.stderr).toContain('interrupted before the rollout: every server serves what it served');
  expect(server.procedures()).not.toContain('deploy');
  expect(server.locks.size).toBe(0);
  expect(existsSync(path.join(project.dir.path, '.tako/deploy.lock'))).toBe(false);
});

it('leaves at once at the second Ctrl-C, and gives its locks back', async () => {
  await using server = await startScriptedServer({
    overrides: {
      deploy: async function* ({ version }, { signal }) {
        yield {
          type: 'started',
          rolloutId: 'r-9',
          kind: 'deploy',
          from: 'v-old',
          to: version,
          steps: 1,
          at: Date.now(),
        };
        await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
      },
    },
  });
  await using project = await createTestProject({ servers: { web1: server.socketPath } });
  const running = project.start(['deploy', '--yes']);
  await server.called('deploy');
  running.child.kill('SIGINT');
  await server.called('revertRollout');
  running.child.kill('SIGINT');
  expect((await running.finished).exitCode).toBe(130);
  expect(server.locks.size).toBe(0);
  expect(existsSync(path.join(project.dir.path, '.tako/deploy.lock'))).toBe(false);
});

it('appends the hash of the manifest when a server has the version with another one, and skips the upload when it is equal', async () => {
  await using server = await startScriptedServer();
  await using project = await createTestProject({ servers: { web1: server.socketPath } });
  await project.tako(['deploy', '--yes']);
  const sent = server.uploadedBytes();
  expect(sent).toBeGreaterThan(0);
  server.calls.length = 0;
  await project.tako(['deploy', '--yes']);
  expect(server.uploadedBytes()).toBe(sent);
  const [release] = server.releases;
  server.releases.splice(0, server.releases.length, { ...release!, manifestSha256: '0'.repeat(64) });
  server.calls.length = 0;
  await project.tako(['deploy', '--yes']);
  expect((await server.called('deploy')).input['version']).toMatch(/^[0-9a-f]{12}_[0-9a-f]{8}$/);
});

it('tells a server of another protocol version', async () => {
  await using dir = await openTempDirectory('s-');
  const socket = path.join(dir.path, 'other.sock');
  const other = http.createServer((_request, response) => {
    response.writeHead(400, { 'tako-protocol': '99', 'content-type': 'application/json' }).end('{}');
  });
  other.listen(socket);
  await once(other, 'listening');
  await using project = await createTestProject({ servers: { web1: socket } });
  const run = await project.tako(['deploy', '--yes']);
  other.close();
  expect(run.exitCode).toBe(1);
  expect(run.stderr).toContain('PROTOCOL_MISMATCH');
});
