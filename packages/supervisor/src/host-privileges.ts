// What this daemon may do to the processes it starts: its user, its capabilities, its own hard limits. Read from
// /proc at each start, since a unit file may have taken any of them away. Decides nothing.
import { readFileSync } from 'node:fs';

export interface HostPrivileges {
  readonly uid: number;
  /** CAP_SETGID and CAP_SETUID (capabilities(7) numbers 6 and 7): needed to start something as another user. */
  readonly maySwitchUser: boolean;
  /** CAP_SETPCAP (number 8): needed to empty the bounding set of a child. */
  readonly mayDropBoundingSet: boolean;
  /** Hard limits that a child cannot exceed; Infinity for `unlimited`. */
  readonly openFilesMax: number;
  readonly processesMax: number;
}

const capSetgid = 6n;
const capSetuid = 7n;
const capSetpcap = 8n;

function hardLimit(limitsText: string, name: string): number {
  const match = new RegExp(`^${name}\\s+\\S+\\s+(\\S+)`, 'm').exec(limitsText);
  return match?.[1] === undefined || match[1] === 'unlimited' ? Infinity : Number(match[1]);
}

export function parseHostPrivileges(statusText: string, limitsText: string): HostPrivileges {
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(statusText)?.[1] ?? '0'}`);
  const has = (capability: bigint): boolean => ((effective >> capability) & 1n) === 1n;
  return {
    uid: Number(/^Uid:\s+\d+\s+(\d+)/m.exec(statusText)?.[1] ?? Number.NaN),
    maySwitchUser: has(capSetgid) && has(capSetuid),
    mayDropBoundingSet: has(capSetpcap),
    openFilesMax: hardLimit(limitsText, 'Max open files'),
    processesMax: hardLimit(limitsText, 'Max processes'),
  };
}

export function readHostPrivileges(): HostPrivileges {
  return parseHostPrivileges(
    readFileSync('/proc/self/status', 'latin1'),
    readFileSync('/proc/self/limits', 'latin1'),
  );
}
