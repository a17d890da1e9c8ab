// The service as systemd runs it, in a booted Debian, under load: nothing is lost that docs/hosts.md says is kept.
import { expect } from 'vitest';
import { eventually } from '../zero-loss/eventually.ts';
import { describeControl } from './control-stories.ts';
import { describeIsolation } from './isolation-stories.ts';
import { hostNeeds, testWith } from './requirements.ts';
import { serviceFacts, serviceProcesses } from './service-host.ts';
import {
  appPids,
  ask,
  expectNoLoss,
  isApp,
  mainPid,
  sharedServiceHost,
  startServiceLoad,
  untilMore,
  whenSucceeded,
} from './service-story.ts';

const serviceHost = sharedServiceHost();
const timeout = 900_000;
const rounds = 5;

testWith(
  hostNeeds,
  'systemctl reload, five times: another main process each time, the same apps, no failed request',
  { timeout },
  async () => {
    const host = await serviceHost();
    const apps = await appPids(host);
    expect(apps).toHaveLength(2);
    await using load = startServiceLoad(host, 'https');
    const tookMs: number[] = [];
    for (let round = 1; round <= rounds; round += 1) {
      const before = await mainPid(host);
      const startedAt = performance.now();
      await host.sh('systemctl reload tako-server');
      await whenSucceeded(host, before);
      tookMs.push(Math.round(performance.now() - startedAt));
      await untilMore(load, 50);
      expect(await appPids(host)).toEqual(apps);
      // It answers for a moment longer, so that no call meets a closed door.
      await eventually('the end of the daemon before', 60_000, async () =>
        (await serviceProcesses(host)).some(({ pid }) => pid === before) ? null : true,
      );
    }
    console.log(`reloads took ${tookMs.join(', ')} ms until systemd knew`);
    await expectNoLoss(load, `${rounds} × systemctl reload`);
    expect(await serviceFacts(host)).toMatchObject({ NRestarts: '0', Result: 'success' });
  },
);

testWith(
  hostNeeds,
  'kill -9 of the main process, five times: systemd starts the next one, the same apps, no failed request',
  { timeout },
  async () => {
    const host = await serviceHost();
    const apps = await appPids(host);
    await using load = startServiceLoad(host);
    const tookMs: number[] = [];
    for (let round = 1; round <= rounds; round += 1) {
      const before = await mainPid(host);
      const startedAt = performance.now();
      await host.sh(`kill -9 ${before}`);
      await whenSucceeded(host, before);
      tookMs.push(Math.round(performance.now() - startedAt));
      await untilMore(load, 50);
      expect(await appPids(host)).toEqual(apps);
    }
    console.log(`restarts after kill -9 took ${tookMs.join(', ')} ms until systemd knew`);
    await expectNoLoss(load, `${rounds} × kill -9 of the main process`);
    expect(Number((await serviceFacts(host))['NRestarts'])).toBeGreaterThanOrEqual(rounds);
  },
);

testWith(
  hostNeeds,
  'kill -9 of the main process in the middle of a reload: one daemon leads in the end, the same apps, no failed request',
  { timeout },
  async () => {
    const host = await serviceHost();
    const apps = await appPids(host);
    await using load = startServiceLoad(host);
    for (const afterMs of [20, 100, 180, 260, 340]) {
      const before = await mainPid(host);
      await host.sh(`kill -HUP ${before}; sleep ${afterMs / 1000}; kill -9 ${before} 2> /dev/null || true`);
      await whenSucceeded(host, before);
      await untilMore(load, 50);
      expect(await appPids(host)).toEqual(apps);
      await eventually('a single daemon', 60_000, async () => {
        const daemons = (await serviceProcesses(host)).filter(
          ({ command }) => /\bmain\.js\b/.test(command) && !/worker/.test(command),
        );
        return daemons.filter((one) => !isApp(one)).length === 1 ? true : null;
      });
    }
    await expectNoLoss(load, 'kill -9 of the main process in the middle of a reload');
    expect(await serviceFacts(host)).toMatchObject({ ActiveState: 'active', SubState: 'running' });
  },
);

testWith(
  hostNeeds,
  'a main process that hangs is killed by the watchdog and replaced: the same apps, no failed request',
  { timeout },
  async () => {
    const host = await serviceHost();
    // 30 s as installed; the time is systemd's, not ours to test.
    await host.sh(`
      mkdir -p /run/systemd/system/tako-server.service.d
      printf '[Service]\\nWatchdogSec=3s\\n' > /run/systemd/system/tako-server.service.d/watchdog.conf
      systemctl daemon-reload`);
    try {
      const before = await mainPid(host);
      // WATCHDOG_USEC is in the environment of a process that systemd starts.
      await host.sh(`kill -9 ${before}`);
      const watched = await whenSucceeded(host, before);
      const apps = await appPids(host);
      await using load = startServiceLoad(host);
      await untilMore(load, 50);
      await host.sh(`kill -STOP ${watched}`);
      await whenSucceeded(host, watched);
      await untilMore(load, 50);
      expect(await appPids(host)).toEqual(apps);
      await expectNoLoss(load, 'watchdog kill of the main process');
      expect(await host.journal('tako-server')).toMatch(/Watchdog timeout/);
      // It lives on: told in time, also by a successor whose predecessor was the one that systemd started.
      const alive = await mainPid(host);
      await host.sh('systemctl reload tako-server');
      const successor = await whenSucceeded(host, alive);
      // That nothing happens for longer than the watchdog waits cannot be waited for otherwise.
      await host.sh('sleep 7');
      expect(await mainPid(host)).toBe(successor);
    } finally {
      await host.sh('rm /run/systemd/system/tako-server.service.d/watchdog.conf; systemctl daemon-reload');
    }
  },
);

testWith(
  hostNeeds,
  'systemctl stop leaves no process, socket or FIFO; the ports stay open, and the first connection starts it again',
  { timeout },
  async () => {
    const host = await serviceHost();
    const apps = await appPids(host);
    // As soon as another process leads: the one before it still drains, longer than the new one takes to stop.
    const before = await mainPid(host);
    await host.sh('systemctl reload tako-server');
    await whenSucceeded(host, before);
    await host.sh('systemctl stop tako-server');
    expect(await serviceProcesses(host)).toEqual([]);

    // At once after a reload: systemd did not start the process that it has to stop, and may not know it yet. The second
    // reload is of a main process that systemd did not start either.
    await host.sh('systemctl start tako-server; systemctl reload tako-server; systemctl stop tako-server');
    expect(await serviceProcesses(host)).toEqual([]);
    await host.sh('systemctl start tako-server');
    const first = await mainPid(host);
    await host.sh('systemctl reload tako-server');
    await whenSucceeded(host, first);
    await host.sh('systemctl reload tako-server; systemctl restart tako-server');
    expect(await serviceFacts(host)).toMatchObject({
      ActiveState: 'active',
      SubState: 'running',
      NRestarts: '0',
    });
    await host.sh('systemctl reload tako-server; systemctl stop tako-server');
    expect(await serviceProcesses(host)).toEqual([]);
    expect(
      await host.sh('cat /proc/[0-9]*/status 2>/dev/null | awk \'$1 == "Uid:" && $2 >= 70000\' | wc -l'),
    ).toBe('0');
    expect(await host.sh('find /run/tako -type s -o -type p -o -type l')).toBe('');
    expect(await host.sh('systemctl is-active tako-server-http.socket tako-server-https.socket')).toBe(
      'active\nactive',
    );
    expect((await serviceFacts(host))['ActiveState']).toBe('inactive');

    // Nobody said start: systemd holds the connection until the service takes it.
    expect(JSON.parse(await ask(host))).toMatchObject({ version: 'v1' });
    expect(await serviceFacts(host)).toMatchObject({ ActiveState: 'active', SubState: 'running' });
    for (const pid of await appPids(host)) expect(apps).not.toContain(pid);
  },
);

testWith(hostNeeds, 'systemctl restart brings back the apps', { timeout }, async () => {
  const host = await serviceHost();
  const before = await mainPid(host);
  await host.sh('systemctl restart tako-server');
  await whenSucceeded(host, before);
  expect(JSON.parse(await ask(host))).toMatchObject({ version: 'v1' });
  const both = await eventually('both instances', 60_000, async () => {
    const pids = await appPids(host);
    return pids.length === 2 ? pids : null;
  });
  expect(both).toHaveLength(2);
});

testWith(hostNeeds, 'after a reboot the same apps serve again, by themselves', { timeout }, async () => {
  const host = await serviceHost();
  await host.reboot();
  expect(JSON.parse(await ask(host))).toMatchObject({ version: 'v1' });
  await eventually('both instances', 60_000, async () => ((await appPids(host)).length === 2 ? true : null));
  expect(await host.sh('systemctl is-system-running --wait || true')).toBe('running');
  const [own] = (await serviceProcesses(host)).filter((one) => !isApp(one));
  // Sockets and FIFOs of the boot before are not there: /run is new.
  expect(await host.sh('ls /run/tako/*.sock | wc -l')).not.toBe('0');
  expect(own?.uid).toBeGreaterThan(0);
});

describeControl(serviceHost);
describeIsolation(serviceHost);
