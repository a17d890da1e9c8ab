// What /proc tells about a running instance that a careless spawn would get wrong. Linux only; needs to be root, or the
// owner of the process.
import fs from 'node:fs';

export interface ProcessSafety {
  readonly environment: Readonly<Record<string, string>>;
  readonly uids: readonly number[];
  readonly gids: readonly number[];
  readonly groups: readonly number[];
  /** CapInh, CapPrm, CapEff, CapBnd, CapAmb, as hexadecimal digits. */
  readonly capabilities: Readonly<Record<string, string>>;
  readonly noNewPrivs: boolean;
}

export function processSafety(pid: number): ProcessSafety {
  const status = fs.readFileSync(`/proc/${pid}/status`, 'utf8');
  const field = (name: string): string =>
    new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1]?.trim() ?? '';
  const numbers = (name: string): number[] => field(name).split(/\s+/).filter(Boolean).map(Number);
  return {
    environment: environmentOf(pid),
    uids: numbers('Uid'),
    gids: numbers('Gid'),
    groups: numbers('Groups'),
    capabilities: Object.fromEntries(
      ['CapInh', 'CapPrm', 'CapEff', 'CapAmb'].map((name) => [name, field(name)]),
    ),
    noNewPrivs: field('NoNewPrivs') === '1',
  };
}

function environmentOf(pid: number): Record<string, string> {
  const entries = fs.readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').filter(Boolean);
  return Object.fromEntries(
    entries.map((entry) => [entry.slice(0, entry.indexOf('=')), entry.slice(entry.indexOf('=') + 1)]),
  );
}

/** What descriptors point to: pipes and sockets by their inode, so that two processes can be compared. */
export function descriptors(pid: number): Map<number, string> {
  return new Map(
    fs.readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        return [[Number(fd), fs.readlinkSync(`/proc/${pid}/fd/${fd}`)] as const];
      } catch {
        // Closed between the listing and here.
        return [];
      }
    }),
  );
}
