// Backups of the state: whole, synced files named by time and schema, the newest BACKUPS_KEPT of them.
import { closeSync, fsyncSync, mkdirSync, openSync, readdirSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { TakoError } from '@tako/config';
import type Database from 'better-sqlite3';
import { BACKUPS_KEPT, BUSY_TIMEOUT_MS } from '../limits.ts';
import { codeOf, corruptState } from '../database/state-error.ts';
import { runStateTask } from './state-task.ts';

export interface BackupOptions {
  readonly file: string;
  readonly backupDir: string;
  readonly nowMs: () => number;
  readonly signal?: AbortSignal | undefined;
}

export interface BackupReport {
  readonly path: string;
  readonly removed: readonly string[];
}

const BACKUP_NAME = /^runtime-state\.\d{8}T\d{9}Z(?:-\d+)?\.sqlite3$/;

/** Sorts by time as text: `20260131T235959123Z`. */
export function timeStamp(nowMs: number): string {
  return new Date(nowMs).toISOString().replaceAll(/[-:.]/g, '');
}

function syncPath(target: string): void {
  const descriptor = openSync(target, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Newest first, whole paths. */
export function listBackups(backupDir: string): string[] {
  let names: string[];
  try {
    names = readdirSync(backupDir);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
  return names
    .filter((name) => BACKUP_NAME.test(name))
    .sort()
    .reverse()
    .map((name) => path.join(backupDir, name));
}

/** A part file that is 0600 from its first byte: VACUUM INTO accepts an empty existing one (lang_vacuum.html). */
function startPart({ backupDir, nowMs }: BackupOptions): { part: string; target: string } {
  mkdirSync(backupDir, { recursive: true, mode: 0o700 });
  const stem = `runtime-state.${timeStamp(nowMs())}`;
  const taken = new Set(readdirSync(backupDir));
  let name = `${stem}.sqlite3`;
  for (let copy = 1; taken.has(name); copy += 1) name = `${stem}-${copy}.sqlite3`;
  const part = path.join(backupDir, `${name}.part`);
  rmSync(part, { force: true });
  closeSync(openSync(part, 'wx', 0o600));
  return { part, target: path.join(backupDir, name) };
}

function finishPart({ part, target }: { part: string; target: string }, backupDir: string): BackupReport {
  syncPath(part);
  renameSync(part, target);
  syncPath(backupDir);
  const removed = listBackups(backupDir).slice(BACKUPS_KEPT);
  for (const old of removed) rmSync(old, { force: true });
  for (const name of readdirSync(backupDir)) {
    if (name.endsWith('.sqlite3.part')) rmSync(path.join(backupDir, name), { force: true });
  }
  return { path: target, removed };
}

/** `VACUUM INTO` in a thread. Rejects with STATE_CORRUPT or STATE_UNAVAILABLE and leaves no half backup. */
export async function backupState(options: BackupOptions): Promise<BackupReport> {
  const part = startPart(options);
  try {
    const { file, signal } = options;
    const task = { kind: 'vacuumInto', file, target: part.part, busyTimeoutMs: BUSY_TIMEOUT_MS } as const;
    const result = await runStateTask(task, signal);
    if (result.kind === 'failed') throw backupFailed(file, result);
    return finishPart(part, options.backupDir);
  } catch (error) {
    rmSync(part.part, { force: true });
    throw error;
  }
}

/** In the caller's thread: the boot must not go on before it is there. */
export function backupBeforeMigration(raw: Database.Database, options: BackupOptions): BackupReport {
  const part = startPart(options);
  try {
    raw.prepare('VACUUM INTO ?').run(part.part);
    return finishPart(part, options.backupDir);
  } catch (error) {
    rmSync(part.part, { force: true });
    throw error;
  }
}

function backupFailed(file: string, failure: { code: string; message: string }): TakoError {
  if (failure.code.startsWith('SQLITE_CORRUPT') || failure.code === 'SQLITE_NOTADB')
    return corruptState(file, [failure.message]);
  return new TakoError('STATE_UNAVAILABLE', `${file} could not be backed up: ${failure.message}.`, {
    hint: 'Make room on the disk that holds the backups, then try again.',
    details: { file, sqliteCode: failure.code },
  });
}
