// Story: whatever the server is and holds, an app gets four descriptors, the environment that was listed for it, a user
// of its own and no privilege.
import fs from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { askJson } from '../support/http-get.ts';
import type { RunningServer } from '../support/start-server.ts';
import { startTestServer } from '../support/test-server.ts';
import { deployed, hostOf } from '../support/test-release.ts';
import { descriptors, processSafety } from './instance-process.ts';

/** The shell has no descriptor of its own with -c, so what `ls` sees (but for its own of the folder) was given. */
const listsDescriptors = 'ls -l /proc/self/fd > "$HOME/descriptors"; exec node index.js';

async function instanceOf(server: RunningServer, id: string) {
  const { deployments } = await server.client.api.status.query({ deploymentId: id });
  const instance = deployments[0]?.builds[0]?.instances[0];
  if (instance?.pid == null) throw new Error(`${id} does not run: ${JSON.stringify(deployments)}`);
  return { ...instance, pid: instance.pid };
}

test.each(['http', 'sdk'])(
  'an app with readiness %s sees descriptors 0 to 3 and exactly the listed environment, as a user without privileges',
  async (readiness) => {
    // What a daemon has in its environment is nobody's business.
    await using server = await startTestServer({ env: { DAEMON_ONLY: 'daemon-only-value' } });
    await deployed(server.client, {
      version: 'v1',
      manifest: {
        readiness,
        health_path: readiness === 'sdk' ? '/status' : '/who',
        start: ['/bin/sh', '-c', listsDescriptors],
        env_vars: { GREETING: 'hello', LANG: 'de_DE.UTF-8' },
        secret_names: ['API_KEY'],
      },
      secrets: { API_KEY: 'api-key-value' },
    });
    const instance = await instanceOf(server, 'web');
    const home = path.join(server.dataDir, 'apps/web/shared/data');

    const safety = processSafety(instance.pid);
    const { PATH, PORT, NODE_ENV, ...environment } = safety.environment;
    expect(environment).toEqual({
      HOME: home,
      HOST: '127.0.0.1',
      LANG: 'de_DE.UTF-8',
      TZ: 'UTC',
      GREETING: 'hello',
      PWD: path.join(server.dataDir, 'apps/web/releases/v1'),
      TAKO_APP: 'web',
      TAKO_ENV: 'production',
      TAKO_INSTANCE: instance.id,
      TAKO_VERSION: 'v1',
    });
    expect(NODE_ENV).toBe('production');
    expect(PORT).toBe(readiness === 'sdk' ? '0' : String(instance.port));
    expect(PATH).toMatch(/^[/a-z0-9._:-]+$/i);

    expect(safety.capabilities).toEqual({
      CapInh: '0000000000000000',
      CapPrm: '0000000000000000',
      CapEff: '0000000000000000',
      CapAmb: '0000000000000000',
    });
    expect(safety.noNewPrivs).toBe(true);
    expect(safety.uids).not.toContain(0);
    expect(safety.gids).not.toContain(0);
    expect(safety.groups).not.toContain(0);

    const listed = [
      ...(await fs.readFile(path.join(home, 'descriptors'), 'utf8')).matchAll(/ (\d+) -> (.+)/g),
    ];
    const given = new Map(listed.map(([, fd, target]) => [Number(fd), target ?? '']));
    // `ls` redirects its stdout, and has the folder open.
    const own = [...given].filter(([fd, target]) => fd > 3 && /^\/proc\/\d+\/fd$/.test(target));
    expect(own).toHaveLength(1);
    for (const [fd] of own) given.delete(fd);
    expect(new Set(given.keys())).toEqual(new Set([0, 1, 2, 3]));
    expect(given.get(0)).toBe('/dev/null');
    expect(given.get(2)).toContain(`instances/${instance.id}/`);
    expect(given.get(3)).toMatch(/^(pipe|socket):/);
  },
);

test('nothing that the server, a worker or another instance holds is open in an instance', async () => {
  await using server = await startTestServer();
  await deployed(server.client, { id: 'one', version: 'v1', manifest: { instances: 2 } });
  await deployed(server.client, { id: 'two', version: 'v1' });
  const processes = server.processes();
  const { workers } = await server.client.api.server_info.query();
  const own = new Set([server.pid, ...workers.map(({ pid }) => pid)]);
  const instances = processes.filter(({ pid }) => !own.has(pid));
  expect(instances).toHaveLength(3);
  const isShared = (target: string): boolean =>
    /^(pipe|socket|anon_inode:\[pidfd)/.test(target) || target.startsWith('/');
  for (const { pid } of instances) {
    const held = new Set(
      [...descriptors(pid).values()].filter((target) => isShared(target) && target !== '/dev/null'),
    );
    for (const other of processes.filter((candidate) => candidate.pid !== pid)) {
      const both = [...descriptors(other.pid).values()].filter((target) => held.has(target));
      // The server reads the output of its instances.
      const unexpected = both.filter((target) => other.pid !== server.pid || !target.includes('/instances/'));
      expect(unexpected, `${pid} and ${other.command}`).toEqual([]);
    }
  }
});

test('two apps have users of their own, and cannot read, change or signal what is the other’s or the server’s', async () => {
  await using server = await startTestServer();
  const secrets = { API_KEY: 'api-key-value' };
  for (const id of ['one', 'two']) await deployed(server.client, { id, version: 'v1', secrets });
  const [one, two] = [await instanceOf(server, 'one'), await instanceOf(server, 'two')];
  const [uidOne] = processSafety(one.pid).uids;
  const [uidTwo] = processSafety(two.pid).uids;
  expect(uidOne).not.toBe(uidTwo);

  const ask = (what: string, query: Record<string, string>) =>
    askJson<{ ok: boolean; code?: string }>({
      port: server.httpPort,
      host: hostOf('one'),
      path: `/${what}?${new URLSearchParams(query).toString()}`,
    });
  const app = (id: string, file: string): string => path.join(server.dataDir, 'apps', id, file);
  // The check of the check: its own it can.
  expect(await ask('read', { path: app('one', 'releases/v1/index.js') })).toMatchObject({ ok: true });
  expect(await ask('write', { path: app('one', 'shared/data/mine') })).toMatchObject({ ok: true });
  expect(await ask('signal', { pid: String(one.pid) })).toMatchObject({ ok: true });

  const notReadable = [
    app('two', 'releases/v1/index.js'),
    app('two', 'releases/v1/app.json'),
    app('two', 'current/index.js'),
    app('two', 'shared/data/starts'),
    app('two', 'shared/logs/current.log'),
    app('two', 'secrets.json'),
    app('one', 'secrets.json'),
    path.join(server.dataDir, 'server.key'),
    path.join(server.dataDir, 'runtime-state.sqlite3'),
    `/proc/${two.pid}/environ`,
    `/proc/${server.pid}/environ`,
  ];
  const notRefused: string[] = [];
  const mustRefuse = async (what: string, paths: readonly string[]): Promise<void> => {
    for (const file of paths) {
      const { ok, code } = await ask(what, { path: file });
      if (ok || code !== 'EACCES') notRefused.push(`${what} ${file}: ${code}`);
    }
  };
  await mustRefuse('read', notReadable);
  const notListed = [
    app('two', ''),
    app('two', 'releases'),
    path.join(server.dataDir, 'apps'),
    server.dataDir,
  ];
  await mustRefuse('list', notListed);
  const notWritable = [
    app('two', 'shared/data/yours'),
    app('two', 'releases/v1/yours'),
    app('one', 'yours'),
    app('one', 'secrets.json'),
    app('one', 'shared/logs/current.log'),
    path.join(server.dataDir, 'yours'),
    path.join(path.dirname(server.socketPath), 'yours'),
  ];
  await mustRefuse('write', notWritable);
  await mustRefuse('connect', [server.socketPath]);
  expect(notRefused).toEqual([]);
  for (const { pid } of [two, server]) {
    expect(await ask('signal', { pid: String(pid) })).toEqual({ ok: false, code: 'EPERM' });
  }
});
