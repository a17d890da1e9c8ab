// SIGKILL with bookkeeping: which connections the process held when it died, and when it was gone. Linux only.
import fs from 'node:fs';
import { isRunning, processFacts } from '../support/processes.ts';

const DEADLINE_MS = 5000;
/** A `st` of /proc/net/tcp: proc_pid_net(5), TCP_ESTABLISHED. */
const ESTABLISHED = '01';

export interface Kill {
  /** Of `performance.now()`: before the signal, and when no process was left. */
  readonly beganAt: number;
  readonly endedAt: number;
  /** Established connections to the port that the process held, those that it had not accepted yet included. */
  readonly connections: number;
}

export interface KillRequest {
  readonly pid: number;
  /** Where its clients connect to. */
  readonly port: number;
  /** The port is shared with others: only connections that the process has accepted are its own. */
  readonly isShared: boolean;
}

/**
 * Stops the process, counts, kills it. Synchronous, so that clients in this very process begin nothing meanwhile;
 * the stopped process can accept nothing.
 */
export function killHard({ pid, port, isShared }: KillRequest): Kill {
  process.kill(pid, 'SIGSTOP');
  spinUntil(`process ${pid} is stopped`, () => processFacts(pid)?.state === 'T');
  const own = isShared ? socketInodes(pid) : null;
  const connections = establishedTo(port).filter((inode) => own === null || own.has(inode)).length;
  const beganAt = performance.now();
  process.kill(pid, 'SIGKILL');
  spinUntil(`process ${pid} is gone`, () => !isRunning(pid));
  return { beganAt, endedAt: performance.now(), connections };
}

function spinUntil(what: string, isSo: () => boolean): void {
  const deadline = performance.now() + DEADLINE_MS;
  while (!isSo()) if (performance.now() > deadline) throw new Error(`not within ${DEADLINE_MS} ms: ${what}`);
}

/** The inodes of the serving ends; 0 for those not accepted yet. */
function establishedTo(port: number): string[] {
  const localPort = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return fs
    .readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[1]?.endsWith(localPort) === true && fields[3] === ESTABLISHED)
    .map((fields) => fields[9] ?? '');
}

function socketInodes(pid: number): ReadonlySet<string> {
  const inodes = fs.readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    const target = fs.readlinkSync(`/proc/${pid}/fd/${fd}`);
    return /^socket:\[(\d+)\]$/.exec(target)?.[1] ?? [];
  });
  return new Set(inodes);
}
