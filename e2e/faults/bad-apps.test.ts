// Story: an app that misbehaves at its start, in its life or at its end harms its own deploy, never the release that
// serves, another app or the server.
import { expect, test } from 'vitest';
import { ask, askJson } from '../support/http-get.ts';
import { ended, isRunning } from '../support/processes.ts';
import { startTestServer } from '../support/test-server.ts';
import { deployRelease, deployed, hostOf, lockOf, quickRollout } from '../support/test-release.ts';
import { until } from '../support/until.ts';
import { settled } from './leftovers.ts';

const hasty = { ...quickRollout, ready_timeout_s: 1, health_timeout_s: 1, stable_s: 1 };

test.each([
  ['is never ready', 'never-ready', 'INSTANCE_NEVER_READY', 'still thinking'],
  ['exits at once', 'exits-at-once', 'INSTANCE_EXITED', 'cannot find the database'],
  ['flaps', 'flaps', 'INSTANCE_UNSTABLE', 'out of luck'],
])(
  'a version that %s is put back with its evidence; the old one serves on, whole',
  async (_what, behaviour, code, line) => {
    await using server = await startTestServer({ workers: 1 });
    const { client, httpPort: port } = server;
    await deployed(client, { version: 'v1', manifest: { instances: 2 } });
    const end = (await deployRelease(client, { version: 'v2', behaviour, manifest: { rollout: hasty } })).at(
      -1,
    );
    expect(end).toMatchObject({ type: 'rolledBack', code });
    expect(JSON.stringify(end)).toContain(line);
    await settled(server, 'web', { version: 'v1', instances: 2, routes: [hostOf('web')] });
    expect(await ask({ port, host: hostOf('web') })).toMatchObject({ status: 200, version: 'v1' });
    const log = await Array.fromAsync(
      await client.api.release_log.query({ deploymentId: 'web', version: 'v2' }),
    );
    expect(log.map((entry) => (entry.type === 'entry' ? entry.text : ''))).toContain(line);
  },
);

test('an app that dies again and again is started ever later, said to be in a crash loop, and harms nobody else', async () => {
  await using server = await startTestServer({ workers: 1 });
  const { client, httpPort: port } = server;
  await deployed(client, { id: 'good', version: 'v1' });
  await deployed(client, { id: 'flapping', version: 'v1', behaviour: 'flaps-later' });
  const { body } = await ask({ port, host: hostOf('good') });
  await ask({ port, host: hostOf('flapping'), path: '/die' });
  const flapping = await until(
    'flapping is in a crash loop',
    async () => {
      const { deployments } = await client.api.status.query({ deploymentId: 'flapping' });
      return deployments.find(({ mode }) => mode === 'crash_loop');
    },
    30_000,
  );
  expect(flapping.restartsLastMinute).toBeLessThan(20);
  // The same process as before.
  expect((await ask({ port, host: hostOf('good') })).body).toBe(body);
  await deployed(client, { id: 'flapping', version: 'v2' });
  await settled(server, 'flapping', { version: 'v2', instances: 1 });
});

test('an app that ignores SIGTERM is killed after its grace, in a deploy and at the server’s own stop', async () => {
  await using server = await startTestServer({ workers: 1 });
  const { client, httpPort: port } = server;
  const manifest = { rollout: { ...quickRollout, stop_grace_s: 0.5 } };
  await deployed(client, { version: 'v1', behaviour: 'ignores-sigterm', manifest });
  const first = Number((await ask({ port, host: hostOf('web') })).body);
  await deployed(client, { version: 'v2', behaviour: 'ignores-sigterm', manifest });
  const second = Number((await ask({ port, host: hostOf('web') })).body);
  expect(isRunning(first)).toBe(false);
  expect(second).not.toBe(first);
  const startedAt = performance.now();
  await server.stop();
  expect(performance.now() - startedAt).toBeLessThan(8000);
  expect(isRunning(second)).toBe(false);
});

test('children that outlive their parent end with it: those of its group and those that left it', async () => {
  await using server = await startTestServer({ workers: 1 });
  const { client, httpPort: port } = server;
  const manifest = { rollout: { ...quickRollout, stop_grace_s: 0.5 } };
  const family = async () => {
    const pids = await askJson<{ pid: number; deaf: number; daemon: number }>({ port, host: hostOf('web') });
    expect(Object.values(pids).map(isRunning)).toEqual([true, true, true]);
    return Object.values(pids);
  };
  await deployed(client, { version: 'v1', behaviour: 'forks', manifest });
  const replaced = await family();
  await deployed(client, { version: 'v2', behaviour: 'forks', manifest });
  expect(replaced.map(isRunning)).toEqual([false, false, false]);

  // Its first process dies by itself: what it leaves goes, and the next one starts with nobody else around.
  const orphaned = await family();
  process.kill(orphaned[0] ?? 0, 'SIGKILL');
  await Promise.all(orphaned.map((pid) => ended(pid, 10_000)));
  await until(
    'another instance serves',
    async () => (await ask({ port, host: hostOf('web') })).status === 200,
  );

  const deleted = await family();
  const { token } = await client.api.acquire_lock.mutate(lockOf('web'));
  await Array.fromAsync(await client.api.delete.mutate({ deploymentId: 'web', token }));
  expect(deleted.map(isRunning)).toEqual([false, false, false]);
});
