// What /proc tells about processes: descriptors, memory, children, and who still works in a directory. Linux only.
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 20;

export interface ProcessFacts {
  readonly pid: number;
  readonly parentPid: number;
  /** `R`, `S`, `D`, `Z`, …: proc_pid_stat(5). */
  readonly state: string;
  readonly rssBytes: number;
  readonly descriptors: number;
  readonly threads: number;
  readonly command: string;
}

/** null when there is no such process (any more). */
export function processFacts(pid: number): ProcessFacts | null {
  const status = readText(`/proc/${pid}/status`);
  if (status === null) return null;
  const field = (name: string): string => new RegExp(`^${name}:\\s+(\\S+)`, 'm').exec(status)?.[1] ?? '';
  return {
    pid,
    parentPid: Number(field('PPid')),
    state: field('State'),
    rssBytes: Number(field('VmRSS')) * 1024,
    descriptors: descriptorTargets(pid).length,
    threads: Number(field('Threads')),
    command: (readText(`/proc/${pid}/cmdline`) ?? '').split('\0').join(' ').trim(),
  };
}

/** A process that is no zombie. */
export function isRunning(pid: number): boolean {
  const facts = processFacts(pid);
  return facts !== null && facts.state !== 'Z' && facts.state !== 'X';
}

/** What the descriptors of a process point to; empty when they may not be read. */
export function descriptorTargets(pid: number): string[] {
  return readNames(`/proc/${pid}/fd`).flatMap((fd) => readLink(`/proc/${pid}/fd/${fd}`) ?? []);
}

export function children(pid: number): number[] {
  return allPids().filter((candidate) => parentOf(candidate) === pid);
}

/** Children, their children, and so on; the process itself is not among them. */
export function descendants(pid: number): number[] {
  const found: number[] = [];
  const parents = new Map(allPids().map((candidate) => [candidate, parentOf(candidate)]));
  for (let wanted = [pid]; wanted.length > 0;) {
    wanted = [...parents].filter(([, parent]) => wanted.includes(parent)).map(([child]) => child);
    found.push(...wanted);
  }
  return found;
}

/** Processes that run a program of `dir`, work in it, or have something of it open. */
export function processesOf(dir: string): ProcessFacts[] {
  const isOfDir = (text: string | null): boolean => text !== null && text.includes(dir);
  const pids = allPids().filter((pid) => {
    if (pid === process.pid || !isRunning(pid)) return false;
    const links = [
      readText(`/proc/${pid}/cmdline`),
      readLink(`/proc/${pid}/cwd`),
      readLink(`/proc/${pid}/exe`),
    ];
    return links.some(isOfDir) || descriptorTargets(pid).some(isOfDir);
  });
  return pids.flatMap((pid) => processFacts(pid) ?? []);
}

/** Resolves when the process has ended. Rejects at the deadline, with what it still is. */
export async function ended(pid: number, timeoutMs: number): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (isRunning(pid)) {
    if (Date.now() > deadline)
      throw new Error(
        `process ${pid} did not end within ${timeoutMs} ms: ${JSON.stringify(processFacts(pid))}`,
      );
    await sleep(POLL_MS);
  }
}

/** Sockets and FIFOs below a directory: what a stopped server must not leave. */
export function specialFiles(dir: string): string[] {
  return readNames(dir, true).filter((name) => {
    const stats = fs.lstatSync(path.join(dir, name), { throwIfNoEntry: false });
    return stats !== undefined && (stats.isSocket() || stats.isFIFO());
  });
}

function allPids(): number[] {
  return readNames('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

function parentOf(pid: number): number {
  // The name in parentheses may itself hold spaces and parentheses: proc_pid_stat(5).
  const stat = readText(`/proc/${pid}/stat`) ?? '';
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1] ?? -1);
}

function readText(file: string): string | null {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch {
    // ENOENT, ESRCH: it has ended. EACCES: another user's, which no test of ours starts.
    return null;
  }
}

function readLink(file: string): string | null {
  try {
    return fs.readlinkSync(file);
  } catch {
    // As above.
    return null;
  }
}

function readNames(dir: string, recursive = false): string[] {
  try {
    return fs.readdirSync(dir, { recursive, encoding: 'utf8' });
  } catch {
    // As above.
    return [];
  }
}
