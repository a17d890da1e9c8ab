import { existsSync } from 'node:fs';
import { expect } from 'vitest';
import { processFacts } from '../support/processes.ts';
import { startHost, tracesOf } from './nspawn-host.ts';
import { hostNeeds, testWith } from './requirements.ts';

testWith(
  hostNeeds,
  'a real Debian boots, is reached over SSH, reboots, and leaves nothing',
  { timeout: 900_000 },
  async () => {
    const host = await startHost();
    try {
      expect(await host.sh('systemctl is-system-running || true')).toMatch(/^(running|degraded)$/);
      expect((await host.sshRun('hostname && whoami')).stdout).toBe(`${host.name}\nroot\n`);
      // It is itself, not a view of this machine.
      expect(await host.sh('cat /proc/1/comm')).toBe('systemd');
      expect(await host.sh('ip -4 -o address show dev host0')).toContain(host.address);

      const [leader, boot] = [
        host.leader,
        await host.sh('journalctl --list-boots | wc -l; cat /etc/machine-id'),
      ];
      await host.sh('echo kept > /var/lib/kept; echo gone > /run/gone');
      await host.reboot();
      expect(host.leader).not.toBe(leader);
      expect(processFacts(leader)).toBeNull();
      expect(await host.sh('cat /etc/machine-id')).toBe(boot.split('\n')[1]);
      expect(await host.sh('cat /var/lib/kept; test ! -e /run/gone')).toBe('kept');
      expect((await host.sshRun('systemctl is-active ssh')).stdout).toBe('active\n');
    } finally {
      await host[Symbol.asyncDispose]();
    }
    expect(await tracesOf(host)).toEqual([]);
    expect(processFacts(host.leader)).toBeNull();
    expect(existsSync(host.rootDir)).toBe(false);
  },
);
