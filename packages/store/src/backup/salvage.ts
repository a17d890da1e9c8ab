// What to do with a damaged state: move it aside, go on from the newest backup that is whole, else from nothing.
// Rebuilding rows from the releases on disk is the server's, which knows their layout.
import {
  constants,
  copyFileSync,
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
} from 'node:fs';
import path from 'node:path';
import { BUSY_TIMEOUT_MS, CORRUPT_FILES_KEPT } from '../limits.ts';
import { listBackups, timeStamp } from './state-backup.ts';
import { runStateTask } from './state-task.ts';

export type StateCheck =
  { readonly kind: 'ok' } | { readonly kind: 'corrupt'; readonly problems: readonly string[] };

/** `PRAGMA integrity_check` and `foreign_key_check` in a thread. A missing file is corrupt. */
export async function checkState(options: {
  file: string;
  signal?: AbortSignal | undefined;
}): Promise<StateCheck> {
  const task = { kind: 'integrityCheck', file: options.file, busyTimeoutMs: BUSY_TIMEOUT_MS } as const;
  const result = await runStateTask(task, options.signal);
  if (result.kind === 'failed') return { kind: 'corrupt', problems: [result.message] };
  return result.rows.length === 1 && result.rows[0] === 'ok'
    ? { kind: 'ok' }
    : { kind: 'corrupt', problems: result.rows };
}

export interface SalvageOptions {
  readonly file: string;
  readonly backupDir: string;
  readonly nowMs: () => number;
  readonly signal?: AbortSignal | undefined;
}

export interface SalvageReport {
  /** Where the damaged file and its -wal/-shm went. */
  readonly movedTo: readonly string[];
  /** The backup the new state is a copy of; null: the next openStore makes a fresh one. */
  readonly restoredFrom: string | null;
  /** Backups that were damaged, too. */
  readonly rejected: readonly { readonly backup: string; readonly problem: string }[];
}

function moveAside({ file, nowMs }: SalvageOptions): string[] {
  const moved: string[] = [];
  const mark = `.corrupt-${timeStamp(nowMs())}`;
  // The -wal goes with its file: left behind, it would be replayed into the restored one.
  for (const suffix of ['-wal', '-shm', '']) {
    if (!existsSync(file + suffix)) continue;
    const target = `${file}${mark}${suffix}`;
    renameSync(file + suffix, target);
    moved.push(target);
  }
  return moved;
}

function pruneCorruptFiles(file: string): void {
  const dir = path.dirname(file);
  const prefix = `${path.basename(file)}.corrupt-`;
  const marks = readdirSync(dir)
    .filter((name) => name.startsWith(prefix))
    .map((name) => name.slice(prefix.length).replace(/-(?:wal|shm)$/, ''));
  const surplus = [...new Set(marks)].sort().reverse().slice(CORRUPT_FILES_KEPT);
  for (const mark of surplus) {
    for (const suffix of ['', '-wal', '-shm'])
      rmSync(path.join(dir, prefix + mark + suffix), { force: true });
  }
}

function restoreCopy(backup: string, file: string): void {
  const part = `${file}.restoring`;
  rmSync(part, { force: true });
  copyFileSync(backup, part, constants.COPYFILE_EXCL);
  for (const target of [part, path.dirname(file)]) {
    const descriptor = openSync(target, 'r');
    fsyncSync(descriptor);
    closeSync(descriptor);
    if (target === part) renameSync(part, file);
  }
}

/** Nobody may have the file open. Afterwards `openStore` finds a whole state or makes a fresh one. */
export async function salvageState(options: SalvageOptions): Promise<SalvageReport> {
  const movedTo = moveAside(options);
  pruneCorruptFiles(options.file);
  const rejected: { backup: string; problem: string }[] = [];
  for (const backup of listBackups(options.backupDir)) {
    const check = await checkState({ file: backup, signal: options.signal });
    if (check.kind === 'ok') {
      restoreCopy(backup, options.file);
      return { movedTo, restoredFrom: backup, rejected };
    }
    rejected.push({ backup, problem: check.problems[0] ?? 'unreadable' });
  }
  return { movedTo, restoredFrom: null, rejected };
}
