// Finds what belongs to an instance beside its first process: members of its group and session, and processes that
// left both but still carry its environment mark. The limit, stated: a process that called setsid(2) *and* cleared
// its environment is not found without a cgroup.
import type { ProcessIdentity } from './instance.types.ts';
import { presenceOf, sendSignal } from './process-identity.ts';
import {
  hasEnvironmentEntry,
  type ProcessStat,
  readAllProcessStats,
  readBootId,
  readChildPids,
  readProcessStat,
  readResidentBytes,
} from './process-stat.ts';

export interface InstanceMark {
  readonly leader: ProcessIdentity;
  /** `TAKO_INSTANCE=<id>`, inherited by all that the app starts; null when its environment has no such entry. */
  readonly environmentEntry: string | null;
  /**
   * Whether the group's number can be trusted once the leader was reaped. Yes for whoever saw it die just now (a
   * number is not reused while its group has members); no for a daemon that comes later.
   */
  readonly trustGroupNumber: boolean;
}

export interface InstanceMember extends ProcessIdentity {
  /** Reached by a signal to the group. */
  readonly inGroup: boolean;
}

/** All living members, the leader included, zombies left out. */
export function findMembers(mark: InstanceMark): InstanceMember[] {
  const bootId = readBootId();
  if (mark.leader.bootId !== bootId) return [];
  const presence = presenceOf(mark.leader);
  const groupIsOurs =
    presence === 'alive' || presence === 'zombie' || (presence === 'gone' && mark.trustGroupNumber);
  const isMember = (stat: ProcessStat): boolean => {
    if (stat.state === 'Z' || stat.state === 'X' || stat.startTimeTicks < mark.leader.startTimeTicks)
      return false;
    if (stat.pid === process.pid) return false;
    if (groupIsOurs && (stat.processGroup === mark.leader.pid || stat.session === mark.leader.pid))
      return true;
    return mark.environmentEntry !== null && hasEnvironmentEntry(stat.pid, mark.environmentEntry);
  };
  return readAllProcessStats()
    .filter(isMember)
    .map(({ pid, startTimeTicks, processGroup }) => ({
      pid,
      startTimeTicks,
      bootId,
      inGroup: groupIsOurs && processGroup === mark.leader.pid,
    }));
}

/** Signals each member that is still the same process. */
export function signalMembers(members: readonly ProcessIdentity[], signal: NodeJS.Signals): void {
  for (const member of members) {
    const stat = readProcessStat(member.pid);
    if (stat !== null && stat.startTimeTicks === member.startTimeTicks) sendSignal(member.pid, signal);
  }
}

/** The process and all its descendants that have not been re-parented. */
export function findTree(pid: number): number[] {
  const found = [pid];
  for (let index = 0; index < found.length; index += 1) {
    const parent = found[index];
    if (parent !== undefined) found.push(...readChildPids(parent).filter((child) => !found.includes(child)));
  }
  return found;
}

/** Resident bytes of the process and its descendants (shared pages count once per process); null when it is gone. */
export function residentBytesOfTree(identity: ProcessIdentity): number | null {
  if (presenceOf(identity) !== 'alive') return null;
  let bytes = 0;
  for (const pid of findTree(identity.pid)) bytes += readResidentBytes(pid) ?? 0;
  return bytes;
}
