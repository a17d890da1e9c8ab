// Opens the durable state; a corrupt file is moved aside and rebuilt from the newest backup, and said so.
import path from 'node:path';
import { isTakoError } from '@tako/config';
import { openStore, salvageState } from '@tako/store';
import type { Store } from '@tako/store';
import type { Log } from '../log.ts';

/**
 * Migrations are held until the daemon is ready (`settle`): one that does not get there leaves the file as the version
 * before knows it. Throws STATE_TOO_NEW, STATE_UNAVAILABLE.
 */
export async function openState(dataDir: string, log: Log): Promise<Store> {
  const file = path.join(dataDir, 'runtime-state.sqlite3');
  try {
    return openStore({ file, holdMigrations: true });
  } catch (error) {
    if (!isTakoError(error) || error.code !== 'STATE_CORRUPT') throw error;
    log.error({ err: error, file }, 'state file was corrupt');
    const salvaged = await salvageState({ file, backupDir: path.join(dataDir, 'backups'), nowMs: Date.now });
    log.error({ ...salvaged }, 'state was rebuilt');
    return openStore({ file, holdMigrations: true });
  }
}
