// The service controlled from a person's machine: `tako servers restart` and `reload` over SSH, by whoever may and by
// whoever may not. Stories for service.test.ts, which has the host.
import fs from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'vitest';
import { makeHome } from '../cli/home.ts';
import { type TakoResult, runTako } from '../support/run-tako.ts';
import { eventually } from '../zero-loss/eventually.ts';
import type { NspawnHost } from './nspawn-host.ts';
import { hostNeeds, testWith } from './requirements.ts';
import { appPids, ask, mainPid } from './service-story.ts';

const timeout = 900_000;
/** May speak to the server, as one of the group, and has no other right. */
const deployer = 'deployer';

async function makeDeployer(host: NspawnHost): Promise<void> {
  const ssh = `/home/${deployer}/.ssh`;
  await host.sh(`
    id ${deployer} > /dev/null 2>&1 || useradd --create-home --groups tako --shell /bin/sh ${deployer}
    mkdir -p ${ssh}
    echo '${host.ssh.publicKey}' > ${ssh}/authorized_keys
    chown -R ${deployer}: ${ssh}; chmod 700 ${ssh}`);
}

/** A person's machine that reaches the host as that user. */
async function openMachine(host: NspawnHost, user: string) {
  const home = await makeHome();
  const inventory = `[[servers]]\nname = "far"\nhost = "${host.address}"\nuser = "${user}"\n`;
  await fs.writeFile(path.join(home.dir, 'config.toml'), inventory);
  return {
    tako: (...args: string[]): Promise<TakoResult> =>
      runTako(args, { cwd: home.dir, home: home.dir, env: { TAKO_SSH_CONFIG: host.ssh.configFile } }),
    [Symbol.asyncDispose]: () => home[Symbol.asyncDispose](),
  };
}

export function describeControl(serviceHost: () => Promise<NspawnHost>): void {
  testWith(
    hostNeeds,
    'tako servers restart as the user tako: asked twice, another process serves, and the apps are back',
    { timeout },
    async () => {
      const host = await serviceHost();
      await using machine = await openMachine(host, 'tako');
      const [before, apps] = [await mainPid(host), await appPids(host)];
      expect(await machine.tako('servers', 'restart', 'far')).toMatchObject({
        exitCode: 2,
        stdout: '',
        stderr: expect.stringContaining('--yes') as string,
      });
      expect(await mainPid(host)).toBe(before);
      const restarted = await machine.tako('servers', 'restart', 'far', '--yes');
      expect(restarted).toMatchObject({ exitCode: 0 });
      const after = await mainPid(host);
      expect(after).not.toBe(before);
      expect(restarted.stdout).toBe(`restarted far (pid ${after})\n`);
      const both = await eventually('both instances', 60_000, async () => {
        const pids = await appPids(host);
        return pids.length === 2 ? pids : null;
      });
      for (const pid of both) expect(apps).not.toContain(pid);
      expect(JSON.parse(await ask(host))).toMatchObject({ version: 'v1' });
    },
  );

  testWith(
    hostNeeds,
    'tako servers restart and reload without the right to: what sudo said, what to do instead, and nothing changed',
    { timeout },
    async () => {
      const host = await serviceHost();
      await makeDeployer(host);
      await using machine = await openMachine(host, deployer);
      const [before, apps] = [await mainPid(host), await appPids(host)];
      // The group is enough to see and to deploy.
      expect((await machine.tako('servers', 'status', 'far')).stdout).toContain('apps: web v1 (2)');
      for (const verb of ['restart', 'reload']) {
        const words = verb === 'restart' ? ['--yes'] : [];
        const refused = await machine.tako('servers', verb, 'far', ...words);
        expect(refused).toMatchObject({ exitCode: 4, stdout: '' });
        expect(refused.stderr).toMatch(
          new RegExp(
            `far could not be told to ${verb}: "sudo -n systemctl ${verb} tako-server" ended with 1: sudo: `,
          ),
        );
        expect(refused.stderr).toContain(`Run it on the server as root: systemctl ${verb} tako-server`);
        expect(refused.stderr).toContain('PERMISSION_DENIED');
      }
      expect([await mainPid(host), await appPids(host)]).toEqual([before, apps]);
    },
  );
}
