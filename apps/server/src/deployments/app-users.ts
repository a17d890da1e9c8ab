// As whom apps run: one uid per deployment where the daemon may switch users, so that one app cannot read or
// signal another; never uid 0. Each server takes its uids from blocks of its own (decision 0021).
import { randomInt } from 'node:crypto';
import type { Store } from '@tako/store';
import type { RunAs } from '@tako/supervisor';

/**
 * systemd's UIDS-GIDS.md: 0x80000 to 0x6FFFFFFF belongs to containers, from 0x7FFE0000 on to foreign images; between them
 * nobody hands out any.
 */
export const uidSpace = Object.freeze({ first: 0x7000_0000, last: 0x77ff_ffff, blockSize: 512 });
const blocks = (uidSpace.last - uidSpace.first + 1) / uidSpace.blockSize;

/** What servers used that were set up before each had blocks of its own; they go on with it. */
const formerBase = 70_000;
const baseKey = 'app_users.base';
/** How many of the block are given. */
const counterKey = 'app_users.next';

export interface AppUsers {
  /** null where the daemon cannot switch users: then apps run as the daemon's own, which is not root. */
  runAs(deploymentId: string): RunAs | null;
  forget(deploymentId: string): void;
}

interface Place {
  readonly base: number;
  readonly given: number;
}

function randomBlock(): Place {
  return { base: uidSpace.first + randomInt(blocks) * uidSpace.blockSize, given: 0 };
}

/** Where the next uid comes from. Never given again: files of a deleted app may survive in a backup. */
function nextPlace(store: Store): Place {
  const given = store.state.get(counterKey);
  if (given === undefined) return randomBlock();
  const base = Number(store.state.get(baseKey) ?? formerBase);
  const isFull = base >= uidSpace.first && Number(given) >= uidSpace.blockSize;
  return isFull ? randomBlock() : { base, given: Number(given) };
}

export function createAppUsers(store: Store, switching: boolean): AppUsers {
  const key = (id: string): string => `app_users.uid.${id}`;
  return {
    runAs(id) {
      if (!switching) return null;
      const known = store.state.get(key(id));
      if (known !== undefined) return { uid: Number(known), gid: Number(known) };
      const { base, given } = nextPlace(store);
      const uid = base + given;
      store.transaction(() => {
        store.state.put(baseKey, String(base));
        store.state.put(counterKey, String(given + 1));
        store.state.put(key(id), String(uid));
      });
      return { uid, gid: uid };
    },
    forget: (id) => store.state.delete(key(id)),
  };
}
