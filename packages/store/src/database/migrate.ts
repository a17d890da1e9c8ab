// Brings a file to the newest known schema, one transaction a step; refuses one that is too new to be understood.
import { TakoError } from '@tako/config';
import type Database from 'better-sqlite3';
import type { Migration } from './migrations.ts';

const READABLE_FROM_KEY = 'schema.readableFrom';

export interface SchemaState {
  /** 0: a fresh file. */
  readonly version: number;
  /** The oldest schema a program must know to work on it. */
  readonly readableFrom: number;
}

export function readSchemaState(connection: Database.Database): SchemaState {
  const version = Number(connection.pragma('user_version', { simple: true }));
  if (version === 0) return { version, readableFrom: 0 };
  const table = connection
    .prepare(`SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'server_state'`)
    .get();
  if (table === undefined) return { version, readableFrom: version };
  const row = connection
    .prepare('SELECT value FROM server_state WHERE key = ?')
    .pluck()
    .get(READABLE_FROM_KEY);
  return { version, readableFrom: typeof row === 'string' ? Number(row) : version };
}

/** Throws STATE_TOO_NEW when a newer program left the file in a form that this one does not understand. */
export function pendingMigrations(
  state: SchemaState,
  known: readonly Migration[],
  file: string,
): readonly Migration[] {
  const newest = known.at(-1)?.id ?? 0;
  if (state.version > newest && state.readableFrom > newest) {
    throw new TakoError(
      'STATE_TOO_NEW',
      `${file} has schema ${state.version}; this tako-server knows schemas up to ${newest}.`,
      {
        hint: 'Start the newer tako-server that wrote it, or restore a backup made before the upgrade.',
        details: { file, schema: state.version, known: newest },
      },
    );
  }
  return known.filter((migration) => migration.id > state.version);
}

/** A crash in the middle leaves the last complete step: DDL and user_version are in the same transaction. */
export function applyMigrations(connection: Database.Database, pending: readonly Migration[]): void {
  for (const migration of pending) {
    connection
      .transaction(() => {
        // Another process may have been quicker: what counts is what is there once the write lock is ours.
        if (readSchemaState(connection).version >= migration.id) return;
        connection.exec(migration.sql);
        connection
          .prepare(
            'INSERT INTO server_state (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value',
          )
          .run(READABLE_FROM_KEY, String(migration.readableFrom));
        connection.pragma(`user_version = ${migration.id}`);
      })
      .immediate();
  }
}
