// Story: the power goes. Control process, workers and instances die in the same instant, with a deploy under way or
// not; the next boot brings the apps back as they were, and nothing else.
import { expect, test } from 'vitest';
import { ask, askJson } from '../support/http-get.ts';
import { ended } from '../support/processes.ts';
import type { RunningServer } from '../support/start-server.ts';
import { startTestServer } from '../support/test-server.ts';
import { deployed, hostOf, prepareRelease, rollOut } from '../support/test-release.ts';
import { settled } from './leftovers.ts';

/** SIGKILL of every process of the server, instances included, before any of them can do anything about it. */
async function powerCut(server: RunningServer): Promise<void> {
  // First it stops starting others.
  server.process.child.kill('SIGSTOP');
  const pids = server.processes().map(({ pid }) => pid);
  for (const signal of ['SIGSTOP', 'SIGKILL'] as const) for (const pid of pids) signalIfThere(pid, signal);
  await Promise.all([server.process.exited, ...pids.map((pid) => ended(pid, 5000))]);
}

function signalIfThere(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // ESRCH: an old instance that had been told to stop ended just now.
  }
}

test('everything is killed: apps come back with their releases, secrets and scale; sleeping and stopped ones as they were', async () => {
  await using first = await startTestServer();
  const { client } = first;
  await deployed(client, { id: 'web', version: 'v1' });
  await deployed(client, {
    id: 'web',
    version: 'v2',
    manifest: { instances: 2 },
    secrets: { API_KEY: 'value' },
  });
  await deployed(client, { id: 'web@staging', version: 'v1' });
  await deployed(client, { id: 'sleeper', version: 'v1', manifest: { instances: 0, idle_timeout_s: 1 } });
  await deployed(client, { id: 'stopped', version: 'v1' });
  const { token } = await client.api.acquire_lock.mutate({
    deploymentId: 'stopped',
    holder: { user: 'e2e', host: 'here', pid: 1, command: 'stop' },
  });
  await Array.fromAsync(await client.api.stop.mutate({ deploymentId: 'stopped', token }));
  await client.api.release_lock.mutate({ deploymentId: 'stopped', token });
  const before = await askJson<Record<string, string>>({
    port: first.httpPort,
    host: hostOf('web'),
    path: '/secrets',
  });

  await powerCut(first);
  client.close();
  await using server = await first.restart();
  await settled(server, 'web', { version: 'v2', instances: 1 });
  await settled(server, 'web@staging', { version: 'v1', instances: 1 });
  const { httpPort: port } = server;
  expect(await askJson({ port, host: hostOf('web'), path: '/secrets' })).toEqual(before);
  expect(await ask({ port, host: hostOf('web') })).toMatchObject({ status: 200, version: 'v2' });
  expect(await ask({ port, host: hostOf('web@staging') })).toMatchObject({ status: 200, version: 'v1' });
  expect((await ask({ port, host: hostOf('stopped') })).status).toBe(503);
  // Woken by the request.
  expect(await ask({ port, host: hostOf('sleeper') })).toMatchObject({ status: 200, version: 'v1' });
  await deployed(server.client, { id: 'web', version: 'v3' });
  expect(await ask({ port, host: hostOf('web') })).toMatchObject({ status: 200, version: 'v3' });
});

test('everything is killed in the middle of a rollout: the old release comes back, whole', async () => {
  await using first = await startTestServer();
  await deployed(first.client, { version: 'v1', manifest: { instances: 2 } });
  const next = { version: 'v2', manifest: { instances: 2 }, routes: [hostOf('web'), 'new.example.com'] };
  await prepareRelease(first.client, next);
  const cuts: Promise<void>[] = [];
  const rolling = rollOut(first.client, next, (event) => {
    if (event.type === 'step' && event.state === 'serving' && event.index === 0) cuts.push(powerCut(first));
  });
  await expect(rolling).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
  await Promise.all(cuts);
  // Not before: it has to notice by itself.
  first.client.close();
  await using server = await first.restart();
  await server.client.api.unlock.mutate({ deploymentId: 'web' });
  await settled(server, 'web', { version: 'v1', instances: 2, routes: [hostOf('web')] });
  expect(await ask({ port: server.httpPort, host: hostOf('web') })).toMatchObject({ version: 'v1' });
});
