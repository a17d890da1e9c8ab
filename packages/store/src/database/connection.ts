// One open SQLite file: pragmas, file mode, integrity, transactions. Knows no table.
import { closeSync, fchmodSync, openSync } from 'node:fs';
import { TakoError } from '@tako/config';
import Database from 'better-sqlite3';
import type { BetterSQLite3Database } from 'drizzle-orm/better-sqlite3';
import { BUSY_TIMEOUT_MS, WAL_AUTOCHECKPOINT_PAGES } from '../limits.ts';
import { drizzle } from './drizzle.ts';
import { corruptState, messageOf, withStateErrors } from './state-error.ts';

export interface Connection {
  readonly file: string;
  readonly raw: Database.Database;
  readonly orm: BetterSQLite3Database;
  /** Reads and single statements: SQLite's errors leave as TakoErrors. */
  run<T>(work: () => T): T;
  /** BEGIN IMMEDIATE; nested: a savepoint. */
  transaction<T>(work: () => T): T;
  close(): void;
}

/** Readable by the daemon's user only, from the first byte; -wal and -shm inherit the mode (sqlite.org/wal.html). */
function ensurePrivateFile(file: string): void {
  try {
    const descriptor = openSync(file, 'a', 0o600);
    try {
      fchmodSync(descriptor, 0o600);
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    throw new TakoError('STATE_UNAVAILABLE', `${file} cannot be opened: ${messageOf(error)}.`, {
      hint: 'Check that the data directory exists and belongs to the user that runs tako-server.',
      details: { file },
      cause: error,
    });
  }
}

function quickCheck(raw: Database.Database, file: string): void {
  const rows = raw.prepare<[], string>('PRAGMA quick_check(10)').pluck().all();
  if (rows.length !== 1 || rows[0] !== 'ok') throw corruptState(file, rows);
}

/** Throws STATE_CORRUPT or STATE_UNAVAILABLE; leaves nothing open when it does. */
export function openConnection(file: string): Connection {
  ensurePrivateFile(file);
  const raw = withStateErrors(file, () => new Database(file, { timeout: BUSY_TIMEOUT_MS }));
  try {
    withStateErrors(file, () => {
      raw.pragma('journal_mode = WAL');
      raw.pragma('synchronous = FULL');
      raw.pragma('foreign_keys = ON');
      raw.pragma(`wal_autocheckpoint = ${WAL_AUTOCHECKPOINT_PAGES}`);
      quickCheck(raw, file);
    });
  } catch (error) {
    raw.close();
    throw error;
  }
  return {
    file,
    raw,
    orm: drizzle(raw),
    run: (work) => withStateErrors(file, work),
    transaction: (work) => withStateErrors(file, () => raw.transaction(work).immediate()),
    close: () => raw.close(),
  };
}
