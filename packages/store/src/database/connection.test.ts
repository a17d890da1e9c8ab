import path from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { BUSY_TIMEOUT_MS } from '../limits.ts';
import { temporaryDirectory } from '../testing/temporary-directory.ts';
import { openConnection } from './connection.ts';

describe('a connection', () => {
  it('says STATE_UNAVAILABLE when the disk is full, and works on when there is room again', async () => {
    await using directory = await temporaryDirectory();
    const connection = openConnection(path.join(directory.path, 'state.sqlite3'));
    connection.raw.exec('CREATE TABLE blobs (value BLOB)');
    const pages = Number(connection.raw.pragma('page_count', { simple: true }));
    connection.raw.pragma(`max_page_count = ${pages + 2}`);
    const insert = connection.raw.prepare('INSERT INTO blobs VALUES (zeroblob(?))');
    expect(() => connection.transaction(() => insert.run(1_000_000))).toThrow(
      expect.objectContaining({ code: 'STATE_UNAVAILABLE' }),
    );
    expect(connection.raw.prepare('SELECT count(*) FROM blobs').pluck().get()).toBe(0);
    connection.raw.pragma('max_page_count = 100000');
    connection.transaction(() => insert.run(1_000_000));
    expect(connection.raw.prepare('SELECT count(*) FROM blobs').pluck().get()).toBe(1);
    connection.close();
  });

  it(`waits ${BUSY_TIMEOUT_MS} ms for another's write lock, then says STATE_UNAVAILABLE`, async () => {
    await using directory = await temporaryDirectory();
    const file = path.join(directory.path, 'state.sqlite3');
    const connection = openConnection(file);
    connection.raw.exec('CREATE TABLE things (id INTEGER)');
    const other = new Database(file);
    other.exec('BEGIN IMMEDIATE');
    const startedAt = performance.now();
    expect(() => connection.transaction(() => connection.raw.exec('DELETE FROM things'))).toThrow(
      expect.objectContaining({ code: 'STATE_UNAVAILABLE' }),
    );
    expect(performance.now() - startedAt).toBeGreaterThan(BUSY_TIMEOUT_MS * 0.9);
    other.exec('ROLLBACK');
    connection.transaction(() => connection.raw.exec('DELETE FROM things'));
    other.close();
    connection.close();
  });

  it('passes errors of the work itself through', async () => {
    await using directory = await temporaryDirectory();
    const connection = openConnection(path.join(directory.path, 'state.sqlite3'));
    const mine = new Error('mine');
    expect(() =>
      connection.transaction(() => {
        throw mine;
      }),
    ).toThrow(mine);
    connection.close();
  });
});
