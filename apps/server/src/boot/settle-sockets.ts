// Where a daemon that starts gets its listening sockets from. Binds only when nobody holds them; stops workers only
// where no other daemon leads them.
import { TakoError } from '@tako/config';
import { workerCount } from '../daemon/daemon-spec.ts';
import type { DaemonSpec, Inheritance } from '../daemon/daemon-spec.ts';
import {
  adjustListeningSockets,
  inheritListeningSockets,
  openListeningSockets,
} from '../listeners/listening-sockets.ts';
import type { ListeningSockets } from '../listeners/listening-sockets.ts';
import { stopWorkers } from './leftovers.ts';
import { reusableListeners } from './orphan-workers.ts';
import type { OrphanWorker } from './orphan-workers.ts';

/** In a handoff nothing may be stopped: the predecessor goes on with its workers. */
function onlyWorkersHoldSockets(): TakoError {
  return new TakoError(
    'LISTEN_FAILED',
    'since a crash only the workers hold the listening sockets: a reload cannot change where they listen',
    { hint: 'undo the change of ports, addresses or workers = 0, or restart tako-server' },
  );
}

/** Sockets handed over, or those that orphan workers hold and the options still ask for, or new ones. */
export async function settleSockets(
  spec: DaemonSpec,
  inheritance: Inheritance,
  orphans: readonly OrphanWorker[],
): Promise<{ sockets: ListeningSockets; workers: readonly OrphanWorker[] }> {
  const { options, log } = spec;
  if (inheritance.sockets !== null)
    return { sockets: adjustListeningSockets(inheritance.sockets, options), workers: orphans };
  const held = workerCount(options.workers) === 0 ? null : reusableListeners(orphans, options);
  if (held !== null) {
    return {
      sockets: inheritListeningSockets(held.map((listener) => ({ ...listener, fd: -1 }))),
      workers: orphans,
    };
  }
  if ((inheritance.predecessor ?? 0) !== 0) throw onlyWorkersHoldSockets();
  await stopWorkers(orphans, log);
  return { sockets: openListeningSockets(options), workers: [] };
}
