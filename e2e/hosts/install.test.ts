// The life of an installation: installed over SSH, again, upgraded and put back by the user tako, removed.
import { withLock } from '@tako/protocol/client';
import { expect } from 'vitest';
import { lockOf } from '../support/test-release.ts';
import { installServer, packServer, runInstaller, sendArchive } from './install-server.ts';
import { installTimeoutMs } from './limits.ts';
import type { NspawnHost } from './nspawn-host.ts';
import { hostNeeds, testWith } from './requirements.ts';
import { deployLoadApp, startServiceHost, withServer } from './service-host.ts';
import {
  appPids,
  ask,
  expectNoLoss,
  mainPid,
  startServiceLoad,
  untilMore,
  whenSucceeded,
} from './service-story.ts';

const timeout = 900_000;

const upgradeCommand = '/opt/tako/server/current/bin/tako-server upgrade';

/** As the user tako, without sudo: what `tako servers upgrade` does on the host. */
async function upgrade(host: NspawnHost, args: string, version: string): Promise<void> {
  const before = await mainPid(host);
  const { stdout } = await host.sshRun(`${upgradeCommand} ${args}`, {
    user: 'tako',
    timeoutMs: installTimeoutMs,
  });
  expect(stdout).toContain(`version ${version} serves as process`);
  await whenSucceeded(host, before);
  await withServer(host, async (client) =>
    expect(await client.api.server_info.query()).toMatchObject({ version, mode: 'normal' }),
  );
}

async function refusal(host: NspawnHost, args: readonly string[], user = 'root'): Promise<string> {
  return runInstaller(host, args, { user, mayFail: true });
}

/** The user tako controls its own service, and nothing else. */
async function expectSudoRights(host: NspawnHost): Promise<void> {
  const exitCodeOf = async (command: string): Promise<number> =>
    (await host.sshRun(command, { user: 'tako', mayFail: true })).exitCode;
  for (const verb of ['status', 'reload', 'restart', 'stop', 'start'])
    await host.sshRun(`sudo -n systemctl ${verb} tako-server`, { user: 'tako' });
  for (const command of [
    'sudo -n true',
    'sudo -n systemctl stop ssh',
    'sudo -n systemctl stop tako-server ssh',
    'sudo -n systemctl edit tako-server',
    'sudo -n cat /etc/shadow',
    'cat /etc/shadow',
  ])
    expect([command, await exitCodeOf(command)]).not.toEqual([command, 0]);
}

testWith(
  hostNeeds,
  'a server is installed, installed again, upgraded and put back under load, and removed without a trace',
  { timeout },
  async () => {
    await using service = await startServiceHost();
    const { host, archive } = service;
    const verified = await host.exec([
      'systemd-analyze',
      'verify',
      '--man=no',
      'tako-server.service',
      'tako-server-http.socket',
    ]);
    expect(`${verified.stdout}${verified.stderr}`).not.toMatch(/tako/);
    expect(await host.sh('visudo -c | grep tako')).toContain('parsed OK');
    await withServer(host, (client) => deployLoadApp(client, { version: 'v1', instances: 2 }));
    const apps = await appPids(host);

    // Again: nothing to unpack; the running server hands over and keeps its apps.
    const before = await mainPid(host);
    expect(await installServer(host, archive)).toContain(`version ${archive.version} is there already`);
    await whenSucceeded(host, before);
    expect(await appPids(host)).toEqual(apps);

    await using next = await packServer('0.0.0-next');
    const place = await sendArchive(host, next);
    const wrong = `${next.sha256.slice(1)}0`;
    expect(await refusal(host, ['stage', '--archive', place, '--sha256', wrong], 'tako')).toMatch(
      /the archive has the SHA-256 [0-9a-f]{64}, not/,
    );
    const failed = await host.sshRun(`${upgradeCommand} ${place} --sha256 ${wrong}`, {
      user: 'tako',
      mayFail: true,
      timeoutMs: installTimeoutMs,
    });
    expect(failed.stderr).toContain('UPGRADE_FAILED');
    expect(await host.sh('ls -A /opt/tako/server')).toBe(`${archive.version}\ncurrent`);

    await using load = startServiceLoad(host);
    for (const [args, version] of [
      [`${place} --sha256 ${next.sha256}`, next.version],
      [`--to ${archive.version}`, archive.version],
      [`--to ${next.version}`, next.version],
    ] as const) {
      await upgrade(host, args, version);
      await untilMore(load, 50);
      expect(await appPids(host)).toEqual(apps);
    }
    // As root, with the units of that version: the installer upgrades in the same way.
    const old = await mainPid(host);
    expect(await installServer(host, archive)).toContain(`version ${archive.version} serves as process`);
    await whenSucceeded(host, old);
    expect(await appPids(host)).toEqual(apps);
    await expectNoLoss(load, 'upgrade, back, upgrade again, and back by the installer');

    // What the app's user owns goes with the app, though the daemon is not root.
    await withServer(host, (client) =>
      withLock(client, lockOf('web'), async ({ token }) => {
        for await (const event of await client.api.delete.mutate({ deploymentId: 'web', token })) void event;
      }),
    );
    expect(await host.sh('ls -A /opt/tako/apps')).toBe('');

    await expectSudoRights(host).catch(async (error) => {
      console.log((await host.journal('tako-server')).split('\n').slice(-60).join('\n'));
      throw error;
    });
    // Without --purge the data stays for the next installation.
    await runInstaller(host, ['uninstall']);
    expect(await host.sh('ls /opt/tako/server.key')).toBe('/opt/tako/server.key');
    expect(await installServer(host, archive)).toContain('the server runs');
    await runInstaller(host, ['uninstall', '--purge']);
    expect(
      await host.sh(
        'ls -d /opt/tako /run/tako /etc/systemd/system/tako-* /etc/sudoers.d/tako /usr/local/lib/tako 2>/dev/null || true',
      ),
    ).toBe('');
    expect(await host.sh('getent passwd tako tako-app || true')).toBe('');
    await expect(ask(host)).rejects.toThrow('ECONNREFUSED');
    expect(await host.sh('systemctl is-system-running || true')).toBe('running');
  },
);
