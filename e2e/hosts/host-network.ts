// Two addresses that nobody else on this machine has, for the two ends of a host's cable.
import os from 'node:os';
import { runCommand } from './commands.ts';

export interface HostNetwork {
  /** Of the machine that runs the tests. */
  readonly near: string;
  /** Of the host. */
  readonly far: string;
  readonly prefixLength: 30;
}

const networksMax = 16_384;

/** From 198.18.0.0/15, which RFC 2544 sets aside for tests of network devices: no real network uses it. */
export function chooseNetwork(seed: number): HostNetwork {
  const taken = new Set(
    Object.values(os.networkInterfaces()).flatMap((found) => (found ?? []).map(({ address }) => address)),
  );
  for (let tries = 0; tries < networksMax; tries += 1) {
    const index = (seed + tries) % networksMax;
    const base = `198.18.${index >> 6}`;
    const first = (index & 63) * 4;
    const network: HostNetwork = {
      near: `${base}.${first + 1}`,
      far: `${base}.${first + 2}`,
      prefixLength: 30,
    };
    if (!taken.has(network.near)) return network;
  }
  throw new Error('every network of 198.18.0.0/15 is taken');
}

/** `ve-NAME` is made by systemd-nspawn; the other end is `host0` inside. */
export async function plugCable(name: string, leader: number, network: HostNetwork): Promise<void> {
  const inside = ['nsenter', '--target', String(leader), '--net', '--'] as const;
  const link = `ve-${name}`;
  await runCommand(['ip', 'address', 'replace', `${network.near}/${network.prefixLength}`, 'dev', link]);
  await runCommand(['ip', 'link', 'set', link, 'up']);
  await runCommand([
    ...inside,
    'ip',
    'address',
    'replace',
    `${network.far}/${network.prefixLength}`,
    'dev',
    'host0',
  ]);
  await runCommand([...inside, 'ip', 'link', 'set', 'host0', 'up']);
}
