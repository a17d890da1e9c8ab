// What the kernel says of processes (proc(5)): CPU time, memory, descriptors. Of the workers as their sum, which keeps
// the CPU time of those that are gone.
import { readFileSync, readdirSync } from 'node:fs';
import { Tally } from './tally.ts';

export interface ProcessFigures {
  readonly cpuSeconds: number;
  readonly residentBytes: number;
  /** null: not ours to read. */
  readonly openFds: number | null;
  readonly maxFds: number | null;
}

/** USER_HZ: what every port of Linux that Node has shows to programs, whatever its kernel ticks at (time(7)). */
const ticksPerSecond = 100;

/** The fields of /proc/<pid>/stat behind the name, which may hold anything. */
function cpuSecondsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  // utime and stime: fields 14 and 15, of which two were cut off.
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

function residentBytesOf(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1_024;
}

function openFdsOf(pid: number): number | null {
  try {
    return readdirSync(`/proc/${pid}/fd`).length;
  } catch {
    // Another user's, or gone.
    return null;
  }
}

function maxFdsOf(pid: number): number | null {
  const soft = /^Max open files\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/limits`, 'utf8'))?.[1];
  return soft === undefined ? null : Number(soft);
}

/** null: it is gone. */
export function readProcessFigures(pid: number): ProcessFigures | null {
  try {
    return {
      cpuSeconds: cpuSecondsOf(pid),
      residentBytes: residentBytesOf(pid),
      openFds: openFdsOf(pid),
      maxFds: maxFdsOf(pid),
    };
  } catch {
    // It ended while it was looked at.
    return null;
  }
}

const sumKnown = (values: readonly (number | null)[]): number | null => {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0);
};

export class WorkerFigures {
  readonly #cpu = new Tally();
  #known: ReadonlySet<number> = new Set();

  read(pids: readonly number[]): ProcessFigures {
    const living = new Set(pids);
    for (const pid of this.#known) if (!living.has(pid)) this.#cpu.forgetPlane(pid);
    this.#known = living;
    const found = pids.flatMap((pid) => {
      const figures = readProcessFigures(pid);
      if (figures !== null) this.#cpu.report(pid, { cpuSeconds: figures.cpuSeconds });
      return figures === null ? [] : [figures];
    });
    return {
      cpuSeconds: this.#cpu.get('cpuSeconds'),
      residentBytes: found.reduce((sum, { residentBytes }) => sum + residentBytes, 0),
      openFds: sumKnown(found.map(({ openFds }) => openFds)),
      maxFds: found[0]?.maxFds ?? null,
    };
  }
}
