// What an app can do to the service that runs it, on a real host: nothing. Stories for service.test.ts, which has the host.
import { expect } from 'vitest';
import { deployed, hostOf, packArchive } from '../support/test-release.ts';
import { eventually } from '../zero-loss/eventually.ts';
import { hostNeeds, testWith } from './requirements.ts';
import { serviceFacts, serviceProcesses, withServer } from './service-host.ts';
import type { NspawnHost } from './nspawn-host.ts';
import { ask, isApp, mainPid } from './service-story.ts';

const timeout = 900_000;
const id = 'hostile';

/** Runs what it is asked to and answers with all that it said: `/run?["id"]`. */
const program = `
import { spawnSync } from 'node:child_process';
import http from 'node:http';
http.createServer((request, response) => {
  const { pathname, search } = new URL(request.url, 'http://localhost');
  if (pathname !== '/run') return response.end('ok');
  const { argv, env } = JSON.parse(decodeURIComponent(search.slice(1)));
  const { stdout, stderr, status, error } = spawnSync(argv[0], argv.slice(1), { encoding: 'utf8', env: { PATH: '/usr/bin:/bin', ...env } });
  response.end(JSON.stringify({ stdout, stderr, status, error: error?.code ?? null }));
}).listen(Number(process.env.PORT), process.env.HOST);
`;

interface Said {
  readonly stdout: string;
  readonly stderr: string;
  readonly status: number | null;
}

async function deployHostile(host: NspawnHost): Promise<void> {
  const archive = await packArchive([
    { name: 'index.js', body: program },
    { name: 'package.json', body: '{"type":"module"}' },
  ]);
  await withServer(host, async (client) => {
    if ((await client.api.list.query()).some((one) => one.deploymentId === id)) return;
    await deployed(client, { id, version: 'v1', archive });
  });
}

/** As the app, in its process tree. */
async function inApp(
  host: NspawnHost,
  argv: readonly string[],
  env: Record<string, string> = {},
): Promise<Said> {
  const request = encodeURIComponent(JSON.stringify({ argv, env }));
  return JSON.parse(await ask(host, `/run?${request}`, hostOf(id)));
}

export function describeIsolation(serviceHost: () => Promise<NspawnHost>): void {
  testWith(
    hostNeeds,
    'an app that speaks to systemd in the name of the service is not heard',
    { timeout },
    async () => {
      const host = await serviceHost();
      await deployHostile(host);
      const before = await serviceFacts(host);
      const forge = ['systemd-notify', '--pid=self', 'STATUS=mine now', 'STOPPING=1', 'WATCHDOG=trigger'];
      const env = { NOTIFY_SOCKET: '/run/systemd/notify' };
      await inApp(host, forge, env);
      expect(await serviceFacts(host)).toEqual(before);
      // It did arrive: systemd says whom it did not listen to.
      expect(await host.journal('tako-server')).toMatch(
        /Got notification message from PID \d+, but reception only permitted for main PID/,
      );

      // The check of the check: without NotifyAccess=main it would have been believed.
      await host.sh(`
    mkdir -p /run/systemd/system/tako-server.service.d
    printf '[Service]\\nNotifyAccess=all\\n' > /run/systemd/system/tako-server.service.d/access.conf
    systemctl daemon-reload`);
      try {
        await inApp(host, ['systemd-notify', 'STATUS=mine now'], env);
        expect((await serviceFacts(host))['StatusText']).toBe('mine now');
      } finally {
        await host.sh(
          'rm /run/systemd/system/tako-server.service.d/access.conf; systemctl daemon-reload; systemctl reload tako-server',
        );
      }
    },
  );

  testWith(
    hostNeeds,
    'an app holds no capability, cannot get one, and runs as a user of its own; nor does a worker',
    { timeout },
    async () => {
      const host = await serviceHost();
      await deployHostile(host);
      // A daemon that was reloaded stays a moment longer than its successor needs.
      await eventually('one control process', 30_000, async () => {
        const programs = await serviceProcesses(host);
        return programs.filter(({ command }) => command.includes('/main.js')).length === 1 ? true : null;
      });
      const status = (await inApp(host, ['cat', '/proc/self/status'])).stdout;
      for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'])
        expect(status).toContain(`${set}:\t0000000000000000\n`);
      expect(status).toMatch(/^NoNewPrivs:\t1$/m);
      const apps = (await serviceProcesses(host)).filter(isApp);
      expect(apps.length).toBeGreaterThanOrEqual(3);
      for (const { capabilities } of apps) expect(capabilities).toBe('0000000000000000');
      // Neither does a proxy worker, which faces the network; only the control process does.
      const others = (await serviceProcesses(host)).filter((one) => !isApp(one));
      const control = await mainPid(host);
      for (const { pid, uid, capabilities } of others) {
        expect(uid).not.toBe(0);
        if (pid !== control) expect(capabilities).toBe('0000000000000000');
      }
      expect(others.length).toBeGreaterThan(1);
      // Two deployments, two users, neither of them the daemon's or root.
      expect(new Set(apps.map(({ uid }) => uid)).size).toBe(2);
      expect((await inApp(host, ['setpriv', '--reuid=0', 'true'])).status).not.toBe(0);
      expect((await inApp(host, ['sudo', '-n', 'true'])).status).not.toBe(0);
    },
  );

  testWith(
    hostNeeds,
    "an app reads neither the server's key nor another app, writes no program, and sees who may log in never",
    { timeout },
    async () => {
      const host = await serviceHost();
      await deployHostile(host);
      const forbidden = [
        ['cat', '/opt/tako/server.key'],
        ['cat', '/opt/tako/runtime-state.sqlite3'],
        ['ls', '/opt/tako'],
        ['ls', '/opt/tako/apps/web/'],
        ['cat', '/opt/tako/.ssh/authorized_keys'],
        ['touch', '/opt/tako/server/current/bin/node'],
        ['touch', '/etc/tako-was-here'],
        ['ls', '/root'],
        ['kill', '-0', String(await mainPid(host))],
        ['systemctl', 'stop', 'tako-server'],
      ];
      for (const argv of forbidden)
        expect([argv.join(' '), (await inApp(host, ['sh', '-c', argv.join(' ')])).status]).not.toEqual([
          argv.join(' '),
          0,
        ]);
      // The socket's file says who may use it: not the apps.
      const connect = `require('node:net').connect('/run/tako/tako.sock').on('connect', () => process.exit(0)).on('error', (e) => { console.log(e.code); process.exit(1) })`;
      expect(await inApp(host, ['/opt/tako/server/current/bin/node', '-e', connect])).toMatchObject({
        status: 1,
        stdout: 'EACCES\n',
      });
      // And nothing the daemon opened is open in it.
      const open = (await inApp(host, ['sh', '-c', 'ls -l /proc/$PPID/fd'])).stdout;
      expect(open).not.toContain('.sqlite3');
      const listening =
        (await inApp(host, ['sh', '-c', 'for fd in /proc/$PPID/fd/*; do readlink $fd; done'])).stdout.match(
          /socket:\[\d+\]/g,
        ) ?? [];
      const ports = await host.sh(
        'cat /proc/net/tcp /proc/net/tcp6 | awk \'$2 ~ /:(0050|01BB)$/ && $4 == "0A" {print $10}\'',
      );
      for (const inode of ports.split('\n')) expect(listening).not.toContain(`socket:[${inode}]`);
    },
  );
}
