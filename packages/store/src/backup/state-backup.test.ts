import {
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  readdirSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { BACKUPS_KEPT, CORRUPT_FILES_KEPT } from '../limits.ts';
import { openStore } from '../open-store.ts';
import { sampleDeployment } from '../testing/sample-records.ts';
import { temporaryDirectory } from '../testing/temporary-directory.ts';
import { checkState, salvageState } from './salvage.ts';
import { backupState, listBackups } from './state-backup.ts';

const T0 = Date.UTC(2026, 0, 31, 23, 59, 59, 123);

async function temporaryState() {
  const directory = await temporaryDirectory();
  const file = path.join(directory.path, 'runtime-state.sqlite3');
  const backupDir = path.join(directory.path, 'backups');
  let now = T0;
  const store = openStore({ file });
  store.deployments.put(sampleDeployment());
  return {
    file,
    backupDir,
    store,
    nowMs: () => (now += 1000),
    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  };
}

/** Overwrites everything after the header page: the header still says SQLite, the rest is noise. */
function damage(file: string): void {
  const { size } = statSync(file);
  const descriptor = openSync(file, 'r+');
  writeSync(descriptor, Buffer.alloc(size - 4096, 0xa5), 0, size - 4096, 4096);
  closeSync(descriptor);
}

describe('backupState', () => {
  it('makes a private, whole copy while the store is open, and says where', async () => {
    await using state = await temporaryState();
    const report = await backupState(state);
    expect(path.basename(report.path)).toBe('runtime-state.20260201T000000123Z.sqlite3');
    expect(statSync(report.path).mode & 0o777).toBe(0o600);
    expect(await checkState({ file: report.path })).toEqual({ kind: 'ok' });
    state.store.close();
  });

  it(`keeps the newest ${BACKUPS_KEPT} and no part files`, async () => {
    await using state = await temporaryState();
    for (let count = 0; count < BACKUPS_KEPT; count += 1) await backupState(state);
    expect(listBackups(state.backupDir)).toHaveLength(BACKUPS_KEPT);
    const oldest = listBackups(state.backupDir).at(-1)!;
    writeFileSync(path.join(state.backupDir, 'runtime-state.x.sqlite3.part'), 'left by a crash');
    const report = await backupState(state);
    expect(report.removed).toEqual([oldest]);
    expect(listBackups(state.backupDir)).toHaveLength(BACKUPS_KEPT);
    expect(readdirSync(state.backupDir).filter((name) => name.endsWith('.part'))).toEqual([]);
    state.store.close();
  });

  it('gives two backups of the same millisecond two names', async () => {
    await using state = await temporaryState();
    const options = { ...state, nowMs: () => T0 };
    const [first, second] = [await backupState(options), await backupState(options)];
    expect(first.path).not.toBe(second.path);
    expect(listBackups(state.backupDir)).toHaveLength(2);
    state.store.close();
  });

  it('leaves nothing behind when it is aborted or the source is damaged', async () => {
    await using state = await temporaryState();
    await expect(backupState({ ...state, signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow(
      'enough',
    );
    state.store.close();
    damage(state.file);
    await expect(backupState(state)).rejects.toMatchObject({ code: 'STATE_CORRUPT' });
    expect(readdirSync(state.backupDir)).toEqual([]);
  });
});

describe('checkState', () => {
  it('finds a damaged page, a missing file and a row without its parent', async () => {
    await using state = await temporaryState();
    state.store.close();
    const raw = new Database(state.file);
    raw.pragma('foreign_keys = OFF');
    raw.exec(`INSERT INTO routes VALUES ('k', 'k', 'nobody', 0)`);
    raw.close();
    expect(await checkState({ file: state.file })).toMatchObject({
      kind: 'corrupt',
      problems: ['ok', '1 rows without their parent'],
    });
    damage(state.file);
    expect((await checkState({ file: state.file })).kind).toBe('corrupt');
    expect((await checkState({ file: `${state.file}.missing` })).kind).toBe('corrupt');
  });
});

describe('salvageState', () => {
  it('moves the damaged file aside and restores the newest backup that is whole', async () => {
    await using state = await temporaryState();
    const good = await backupState(state);
    state.store.deployments.put(sampleDeployment({ id: 'later', routes: ['later.example.com'] }));
    const bad = await backupState(state);
    damage(bad.path);
    state.store.close();
    damage(state.file);
    const damaged = readFileSync(state.file);
    expect(() => openStore({ file: state.file })).toThrow(expect.objectContaining({ code: 'STATE_CORRUPT' }));
    const report = await salvageState(state);
    expect(report.restoredFrom).toBe(good.path);
    expect(report.rejected.map((entry) => entry.backup)).toEqual([bad.path]);
    expect(readFileSync(report.movedTo.find((name) => !/-(?:wal|shm)$/.test(name))!)).toEqual(damaged);
    const store = openStore({ file: state.file });
    expect(store.deployments.list().map((row) => row.id)).toEqual(['shop']);
    store.close();
    expect(statSync(state.file).mode & 0o777).toBe(0o600);
  });

  it('without a whole backup leaves room for a fresh state', async () => {
    await using state = await temporaryState();
    state.store.close();
    truncateSync(state.file, 5000);
    const report = await salvageState(state);
    expect(report).toMatchObject({ restoredFrom: null, rejected: [] });
    expect(existsSync(state.file)).toBe(false);
    const store = openStore({ file: state.file });
    expect(store.deployments.list()).toEqual([]);
    store.close();
  });

  it(`keeps ${CORRUPT_FILES_KEPT} damaged files for a post-mortem`, async () => {
    await using state = await temporaryState();
    state.store.close();
    for (let count = 0; count <= CORRUPT_FILES_KEPT; count += 1) {
      writeFileSync(state.file, `damaged ${count}`);
      await salvageState(state);
    }
    const kept = readdirSync(path.dirname(state.file)).filter(
      (name) => name.includes('.corrupt-') && !/-(?:wal|shm)$/.test(name),
    );
    expect(kept).toHaveLength(CORRUPT_FILES_KEPT);
  });
});
