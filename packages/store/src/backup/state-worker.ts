// The thread for the slow statements (VACUUM INTO, integrity_check), so that the control loop never waits for them.
// Opens its own connection; answers once and ends.
import { parentPort, workerData } from 'node:worker_threads';
import Database from 'better-sqlite3';

export type StateTask =
  | {
      readonly kind: 'vacuumInto';
      readonly file: string;
      readonly target: string;
      readonly busyTimeoutMs: number;
    }
  | { readonly kind: 'integrityCheck'; readonly file: string; readonly busyTimeoutMs: number };

export type StateTaskResult =
  | { readonly kind: 'done'; readonly rows: readonly string[] }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string };

function answer(task: StateTask, database: Database.Database): readonly string[] {
  if (task.kind === 'vacuumInto') {
    database.prepare('VACUUM INTO ?').run(task.target);
    return [];
  }
  const rows = database.prepare<[], string>('PRAGMA integrity_check(10)').pluck().all();
  const orphans = database.prepare('PRAGMA foreign_key_check').all();
  return orphans.length === 0 ? rows : [...rows, `${orphans.length} rows without their parent`];
}

function runTask(task: StateTask): StateTaskResult {
  let database: Database.Database | undefined;
  try {
    database = new Database(task.file, { fileMustExist: true, timeout: task.busyTimeoutMs });
    return { kind: 'done', rows: answer(task, database) };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'UNKNOWN';
    return { kind: 'failed', code, message: error instanceof Error ? error.message : String(error) };
  } finally {
    database?.close();
  }
}

const task: StateTask = workerData;
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a MessagePort has no origin
parentPort?.postMessage(runTask(task));
