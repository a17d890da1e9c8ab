// Who a process is, beyond its number: pid, start time and boot id. Signals go out only after that identity was
// checked, so a reused pid is never hit. Knows nothing of instances.
import { constants } from 'node:os';
import type { ProcessIdentity } from './instance.types.ts';
import { readBootId, readProcessStat } from './process-stat.ts';

/** The identity of the process that has this pid now; null when there is none. */
export function identifyProcess(pid: number): ProcessIdentity | null {
  const stat = readProcessStat(pid);
  return stat === null ? null : { pid, startTimeTicks: stat.startTimeTicks, bootId: readBootId() };
}

export type ProcessPresence =
  | 'alive'
  /** State Z: dead, but its number is still taken. */
  | 'zombie'
  /** No process has this number. */
  | 'gone'
  /** Another process has it now, or the machine was booted since. */
  | 'replaced';

export function presenceOf(identity: ProcessIdentity): ProcessPresence {
  if (identity.bootId !== readBootId()) return 'replaced';
  const stat = readProcessStat(identity.pid);
  if (stat === null) return 'gone';
  if (stat.startTimeTicks !== identity.startTimeTicks) return 'replaced';
  return stat.state === 'Z' || stat.state === 'X' ? 'zombie' : 'alive';
}

/** False for a zombie, for another process with the same number, and after a reboot. */
export function isAlive(identity: ProcessIdentity): boolean {
  return presenceOf(identity) === 'alive';
}

/**
 * Signals one process or, by a negative number, a group (kill(2)).
 * Returns false when nobody was there or it may not be signalled (a child that became another user).
 */
export function sendSignal(target: number, signal: NodeJS.Signals): boolean {
  // kill(0), kill(-1) and kill(1) mean our own group, everybody and init: no identity can be one of them.
  if (!Number.isSafeInteger(target) || Math.abs(target) <= 1) {
    throw new Error(`assertion failed: refusing to send ${signal} to ${target}`);
  }
  try {
    return process.kill(target, constants.signals[signal]);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : null;
    if (code === 'ESRCH' || code === 'EPERM') return false;
    throw error;
  }
}

/** Signals the process if it is still the one. */
export function killProcess(identity: ProcessIdentity, signal: NodeJS.Signals): boolean {
  return isAlive(identity) && sendSignal(identity.pid, signal);
}

/**
 * Signals the whole process group that `identity` leads. While the leader lives, or is a zombie, the group's number
 * cannot have been given to anybody else; once it is reaped this does nothing (see process-members.ts for what remains).
 */
export function killGroup(identity: ProcessIdentity, signal: NodeJS.Signals): boolean {
  const presence = presenceOf(identity);
  if (presence !== 'alive' && presence !== 'zombie') return false;
  return sendSignal(-identity.pid, signal);
}
