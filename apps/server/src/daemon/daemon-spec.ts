// What a daemon is started with, and what follows from it alone.
import { availableParallelism } from 'node:os';
import path from 'node:path';
import type { ServerIdentity } from '@tako/protocol';
import type { PartialLines } from '@tako/supervisor';
import { ControlSockets } from '../listeners/control-sockets.ts';
import type { ListeningSockets } from '../listeners/listening-sockets.ts';
import type { Log } from '../log.ts';
import type { ManagementSocket } from '../management/management-socket.ts';
import type { ServerOptions } from '../options/option-table.ts';
import type { Environment } from '../process-environment.ts';

/** What a predecessor or the service manager hands over. */
export interface Inheritance {
  /** null: bind them, or get them back through a worker that lives. */
  readonly sockets: ListeningSockets | null;
  /** Those of the control process itself. */
  readonly control: ControlSockets;
  /** Incomplete lines that the daemon before had read, by instance. */
  readonly partials: ReadonlyMap<string, PartialLines>;
  readonly lastReload: ServerIdentity['lastReload'];
  /** The daemon that hands over, whose socket clients find until this one is ready; null at a start. */
  readonly predecessor: number | null;
  /** Of this very process, whose handoff failed; else null. */
  readonly management: ManagementSocket | null;
}

export const nothingInherited: Inheritance = Object.freeze({
  sockets: null,
  control: ControlSockets.inherit([]),
  partials: new Map(),
  lastReload: null,
  predecessor: null,
  management: null,
});

export interface DaemonSpec {
  readonly options: ServerOptions;
  readonly environment: Environment;
  readonly version: string;
  /** As given at start, links unresolved: the successor of an upgrade is found through them. */
  readonly program: string;
  readonly workerScript: string;
  readonly log: Log;
}

export function workerCount(option: ServerOptions['workers']): number {
  return option === 'auto' ? availableParallelism() : option;
}

/** The app's own folder, which survives releases; its HOME. */
export function homeOf(dataDir: string, deploymentId: string): string {
  return path.join(dataDir, 'apps', deploymentId, 'shared', 'data');
}
