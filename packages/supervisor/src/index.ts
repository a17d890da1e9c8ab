// Public names of the supervisor.
export type * from './instance-spec.ts';
export type * from './instance.types.ts';
export { type AdoptionRecord, adoptInstance, startInstance } from './start-instance.ts';
export {
  identifyProcess,
  isAlive,
  killGroup,
  killProcess,
  presenceOf,
  type ProcessPresence,
} from './process-identity.ts';
export { type LeftoverRecord, stopLeftover } from './stop-leftover.ts';
export type { TerminationResult } from './termination.ts';
export { closeInheritedDescriptors, findInheritedDescriptors } from './inherited-descriptors.ts';
export { AppLog, openAppLog } from './app-log.ts';
export type { LogEntry, LogEvent } from './log-entry.ts';
export { type LogQuery, readAppLog } from './log-history.ts';
export {
  type BackoffState,
  type BackoffStep,
  calmBackoff,
  type ExitObservation,
  nextBackoff,
} from './backoff.ts';
export { PortAllocator, type PortAllocatorOptions } from './port-allocator.ts';
export { type ListeningSocket, parseListeningSockets } from './listening-sockets.ts';
export { type HostPrivileges, readHostPrivileges } from './host-privileges.ts';
export { limits } from './limits.ts';
