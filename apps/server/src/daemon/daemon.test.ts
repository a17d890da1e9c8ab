// The main job through the real API: deploy, swap, roll back, revert, scale, sleep and wake, stop, delete.
import { readlink, stat } from 'node:fs/promises';
import http from 'node:http';
import path from 'node:path';
import type { RolloutEvent } from '@tako/protocol';
import { expect, test } from 'vitest';
import { exitingApp, plainApp, quickRollout, unstableApp } from '../testing/apps.ts';
import { runDaemon } from '../testing/running-daemon.ts';
import type { RunningDaemon } from '../testing/running-daemon.ts';

const manifest = { rollout: quickRollout, https_redirect: false };

function get(
  running: RunningDaemon,
  host: string,
  url = '/',
): Promise<{ status: number; body: string; headers: http.IncomingHttpHeaders }> {
  return new Promise((resolve, reject) => {
    const request = http.get(
      { host: '127.0.0.1', port: running.httpPort, path: url, headers: { host }, agent: false },
      (response) => {
        let body = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => (body += chunk));
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, body, headers: response.headers }),
        );
      },
    );
    request.on('error', reject);
  });
}

function last(events: readonly RolloutEvent[]): RolloutEvent | undefined {
  return events.at(-1);
}

async function versionServed(running: RunningDaemon, host = 'web.example.com'): Promise<string> {
  const { body } = await get(running, host);
  return (JSON.parse(body) as { version: string }).version;
}

test('a deploy serves, the next one replaces it, a rollback goes back', async () => {
  await using running = await runDaemon();
  expect(last(await running.deploy({ version: 'v1', files: plainApp('v1'), manifest }))).toMatchObject({
    type: 'deployed',
    version: 'v1',
    instances: 1,
  });
  expect(await versionServed(running)).toBe('v1');
  expect(last(await running.deploy({ version: 'v2', files: plainApp('v2'), manifest }))).toMatchObject({
    type: 'deployed',
    version: 'v2',
  });
  expect(await versionServed(running)).toBe('v2');
  expect(await readlink(path.join(running.dataDir, 'apps/web/current'))).toContain('v2');
  const back = await running.locked('web', (token) =>
    running.client.api.rollback.mutate({ deploymentId: 'web', token }),
  );
  expect(last(back)).toMatchObject({ type: 'deployed', version: 'v1' });
  expect(await versionServed(running)).toBe('v1');
  const { deployments } = await running.client.api.status.query({});
  expect(deployments).toMatchObject([
    {
      deploymentId: 'web',
      version: 'v1',
      mode: 'running',
      builds: [{ version: 'v1', current: true, instances: [{ state: 'healthy' }] }],
    },
  ]);
});

test.each([
  ['exits at once', exitingApp(), 'INSTANCE_EXITED', 'cannot find the database'],
  ['is unstable', unstableApp(), 'INSTANCE_UNSTABLE', 'out of luck'],
])(
  'a version that %s is rolled back with its evidence, and the old one serves on',
  async (_what, files, code, line) => {
    await using running = await runDaemon();
    await running.deploy({ version: 'v1', files: plainApp('v1'), manifest, secrets: { KEY: 'one' } });
    const rollout = { ...quickRollout, stable_s: 1 };
    const events = await running.deploy({
      version: 'v2',
      files,
      manifest: { ...manifest, rollout },
      routes: ['other.example.com'],
      secrets: { KEY: 'two' },
    });
    const end = last(events);
    expect(end).toMatchObject({ type: 'rolledBack', code });
    if (end?.type === 'rolledBack') expect(end.evidence?.lastLines.join('\n')).toContain(line);
    expect(await versionServed(running)).toBe('v1');
    expect((await get(running, 'other.example.com')).status).toBe(404);
    const kept = await Array.fromAsync(
      await running.client.api.release_log.query({ deploymentId: 'web', version: 'v2' }),
    );
    expect(kept.map((entry) => (entry.type === 'entry' ? entry.text : ''))).toContain(line);
    const { deployments } = await running.client.api.status.query({});
    expect(deployments[0]).toMatchObject({ version: 'v1', routes: ['web.example.com'], lastError: { code } });
    expect(deployments[0]?.builds).toHaveLength(1);
  },
);

test('status shows a first deploy while it rolls out', async () => {
  await using running = await runDaemon();
  const slow = { ...manifest, rollout: { ...quickRollout, stable_s: 1 } };
  const events = await running.client.api.events.query(undefined);
  const deploying = running.deploy({ version: 'v1', files: plainApp('v1'), manifest: slow });
  for await (const event of events)
    if (event.type === 'instance.stateChanged' && event.facts['to'] === 'healthy') break;
  expect((await running.client.api.status.query({})).deployments).toMatchObject([
    {
      deploymentId: 'web',
      version: null,
      rollout: { kind: 'deploy', to: 'v1' },
      builds: [{ version: 'v1', current: false, instances: [{ state: 'healthy' }] }],
    },
  ]);
  await deploying;
});

test('a first deploy that fails leaves no deployment, no route, no process', async () => {
  await using running = await runDaemon();
  const events = await running.deploy({ version: 'v1', files: exitingApp(), manifest });
  expect(last(events)).toMatchObject({ type: 'rolledBack', code: 'INSTANCE_EXITED' });
  expect((await running.client.api.status.query({})).deployments).toEqual([]);
  expect(await running.client.api.routes.query(undefined)).toEqual([]);
});

test('scaling adds and removes instances, one at a time', async () => {
  await using running = await runDaemon();
  await running.deploy({ version: 'v1', files: plainApp('v1'), manifest });
  const scale = (instances: number): Promise<RolloutEvent[]> =>
    running.locked('web', (token) =>
      running.client.api.scale.mutate({ deploymentId: 'web', token, instances }),
    );
  expect(last(await scale(3))).toMatchObject({ type: 'deployed', instances: 3 });
  const pids = new Set<number>();
  for (let count = 0; count < 60; count += 1)
    pids.add((JSON.parse((await get(running, 'web.example.com')).body) as { pid: number }).pid);
  expect(pids.size).toBe(3);
  expect(last(await scale(1))).toMatchObject({ type: 'deployed', instances: 1 });
  expect(last(await scale(1))).toMatchObject({ type: 'unchanged' });
});

test('an on-demand app is proven, idles out, and many requests at once wake one instance', async () => {
  await using running = await runDaemon();
  const onDemand = { ...manifest, instances: 0, idle_timeout_s: 1 };
  const events = running.client.api.events.query(undefined);
  expect(
    last(await running.deploy({ version: 'v1', files: plainApp('v1'), manifest: onDemand })),
  ).toMatchObject({ type: 'deployed' });
  for await (const event of await events)
    if (event.type === 'instance.stateChanged' && event.facts['to'] === 'stopped') break;
  const answers = await Promise.all(Array.from({ length: 100 }, () => get(running, 'web.example.com')));
  expect(answers.map((answer) => answer.status)).toEqual(Array.from({ length: 100 }, () => 200));
  expect(new Set(answers.map((answer) => (JSON.parse(answer.body) as { pid: number }).pid)).size).toBe(1);
});

test('stop answers 503, start serves again, delete leaves nothing', async () => {
  await using running = await runDaemon();
  await running.deploy({ version: 'v1', files: plainApp('v1'), manifest, secrets: { KEY: 'value' } });
  const input = (token: string) => ({ deploymentId: 'web', token });
  expect(
    last(await running.locked('web', (token) => running.client.api.stop.mutate(input(token)))),
  ).toMatchObject({ type: 'deployed', instances: 0 });
  expect((await get(running, 'web.example.com')).status).toBe(503);
  expect(
    last(await running.locked('web', (token) => running.client.api.start.mutate(input(token)))),
  ).toMatchObject({ type: 'deployed', instances: 1 });
  expect(await versionServed(running)).toBe('v1');
  await running.locked('web', (token) => running.client.api.delete.mutate(input(token)));
  expect((await get(running, 'web.example.com')).status).toBe(404);
  await expect(stat(path.join(running.dataDir, 'apps/web'))).rejects.toMatchObject({ code: 'ENOENT' });
});

test('a mutation without the lock, and a second deployer, are refused with who holds it', async () => {
  await using running = await runDaemon();
  await running.prepare({ version: 'v1', files: plainApp('v1'), manifest });
  const holder = { user: 'anna', host: 'laptop', pid: 1, command: 'tako deploy' };
  const held = await running.client.api.acquire_lock.mutate({ deploymentId: 'web', holder });
  await expect(
    running.client.api.acquire_lock.mutate({ deploymentId: 'web', holder: { ...holder, user: 'ben' } }),
  ).rejects.toMatchObject({ code: 'DEPLOYMENT_LOCKED' });
  await running.client.api.release_lock.mutate({ deploymentId: 'web', token: held.token });
  const call = await running.client.api.deploy.mutate({
    deploymentId: 'web',
    token: held.token,
    version: 'v1',
    routes: ['web.example.com'],
  });
  await expect(Array.fromAsync(call)).rejects.toMatchObject({ code: 'LOCK_LOST' });
});

test('a route of another deployment is refused, naming both', async () => {
  await using running = await runDaemon();
  await running.deploy({ version: 'v1', files: plainApp('v1'), manifest });
  const second = running.deploy({
    id: 'api',
    version: 'v1',
    files: plainApp('v1'),
    manifest,
    routes: ['web.example.com'],
  });
  await expect(second).rejects.toMatchObject({ code: 'ROUTE_CONFLICT', details: { owner: 'web' } });
});

test('after a stop and a boot the same app serves, with its secrets', async () => {
  const first = await runDaemon({ keep: true });
  await first.deploy({ version: 'v1', files: plainApp('v1'), manifest, secrets: { KEY: 'value' } });
  await first[Symbol.asyncDispose]();
  await using second = await runDaemon({ directory: first.directory });
  expect(await versionServed(second)).toBe('v1');
  expect(await second.client.api.secrets_digest.query({ deploymentId: 'web' })).toMatchObject({
    names: ['KEY'],
  });
});
