// Reads what /proc says about processes; decides nothing. procfs answers from memory, so the reads of a single
// process are synchronous on purpose: they cannot block on a disk, and a check and a kill stay together.
import { readdirSync, readFileSync } from 'node:fs';

export interface ProcessStat {
  readonly pid: number;
  /** R, S, D, Z, T ...: proc_pid_stat(5) field 3. */
  readonly state: string;
  readonly parentPid: number;
  readonly processGroup: number;
  readonly session: number;
  /** Clock ticks after boot: field 22. Fixed at fork, kept over exec. */
  readonly startTimeTicks: number;
}

function readProcFile(path: string): string | null {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    // Gone between two looks, or another user's: both mean that there is nothing to know.
    return null;
  }
}

/** null when no such process exists. The command name may hold spaces and parentheses, hence the last `)`. */
export function parseProcessStat(text: string): ProcessStat | null {
  const end = text.lastIndexOf(')');
  const pid = Number.parseInt(text, 10);
  const fields = text.slice(end + 2).split(' ');
  const [state, parentPid, processGroup, session] = fields;
  const startTimeTicks = Number(fields[19]);
  if (end < 0 || state === undefined || !Number.isSafeInteger(pid) || !Number.isSafeInteger(startTimeTicks))
    return null;
  return {
    pid,
    state,
    parentPid: Number(parentPid),
    processGroup: Number(processGroup),
    session: Number(session),
    startTimeTicks,
  };
}

export function readProcessStat(pid: number): ProcessStat | null {
  const text = readProcFile(`/proc/${pid}/stat`);
  return text === null ? null : parseProcessStat(text);
}

/** Every process this one may see, zombies included. */
export function readAllProcessStats(): ProcessStat[] {
  const found: ProcessStat[] = [];
  for (const name of readdirSync('/proc')) {
    const first = name.charCodeAt(0);
    if (first < 48 || first > 57) continue;
    const stat = readProcessStat(Number(name));
    if (stat !== null) found.push(stat);
  }
  return found;
}

/** Whether the process was started with exactly `NAME=value` in its environment; false when it may not be read. */
export function hasEnvironmentEntry(pid: number, entry: string): boolean {
  const text = readProcFile(`/proc/${pid}/environ`);
  return text !== null && `\0${text}`.includes(`\0${entry}\0`);
}

/** Pids of the direct children, of all threads (proc_pid_task(5) `children`); empty where the kernel lacks it. */
export function readChildPids(pid: number): number[] {
  const children: number[] = [];
  let threads: string[];
  try {
    threads = readdirSync(`/proc/${pid}/task`);
  } catch {
    // The process is gone.
    return children;
  }
  for (const thread of threads) {
    const text = readProcFile(`/proc/${pid}/task/${thread}/children`);
    for (const child of text?.split(' ') ?? []) if (child !== '') children.push(Number(child));
  }
  return children;
}

/** Resident bytes (VmRSS of proc_pid_status(5)); null when gone or a zombie. */
export function readResidentBytes(pid: number): number | null {
  const match = /^VmRSS:\s+(\d+) kB$/m.exec(readProcFile(`/proc/${pid}/status`) ?? '');
  return match === null ? null : Number(match[1]) * 1024;
}

/** Changes with every boot: /proc/sys/kernel/random/boot_id (random(4)). */
export function readBootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
}
