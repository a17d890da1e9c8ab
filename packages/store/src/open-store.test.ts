import { existsSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type TakoError, isTakoError } from '@tako/config';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { SQLiteTable, getTableConfig, is } from './database/drizzle.ts';
import { type Migration, migrations } from './database/migrations.ts';
import * as tables from './database/tables.ts';
import { AUDIT_ROWS_MAX } from './limits.ts';
import { openStore } from './open-store.ts';
import type { Store } from './store.types.ts';
import {
  sampleDeployment,
  sampleInstance,
  sampleLease,
  sampleRelease,
  sampleRollout,
} from './testing/sample-records.ts';
import { temporaryDirectory } from './testing/temporary-directory.ts';

async function temporaryStore() {
  const directory = await temporaryDirectory();
  const file = path.join(directory.path, 'runtime-state.sqlite3');
  const store = openStore({ file });
  return {
    file,
    store,
    directory: directory.path,
    async [Symbol.asyncDispose]() {
      store.close();
      await directory[Symbol.asyncDispose]();
    },
  };
}

function thrownBy(work: () => unknown): TakoError {
  try {
    work();
  } catch (error) {
    if (isTakoError(error)) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('openStore', () => {
  it('keeps file, write-ahead log and shared memory to the daemon alone', async () => {
    await using fixture = await temporaryStore();
    fixture.store.state.put('a', 'b');
    for (const suffix of ['', '-wal', '-shm']) {
      expect([suffix, statSync(fixture.file + suffix).mode & 0o777]).toEqual([suffix, 0o600]);
    }
  });

  it('uses WAL, full synchronisation and foreign keys', async () => {
    await using fixture = await temporaryStore();
    const raw = new Database(fixture.file, { readonly: true });
    expect(raw.pragma('journal_mode', { simple: true })).toBe('wal');
    raw.close();
    const { openConnection } = await import('./database/connection.ts');
    const connection = openConnection(fixture.file);
    expect(connection.raw.pragma('synchronous', { simple: true })).toBe(2);
    expect(connection.raw.pragma('foreign_keys', { simple: true })).toBe(1);
    expect(connection.raw.pragma('busy_timeout', { simple: true })).toBe(5000);
    connection.close();
  });

  it('has exactly the columns in SQLite that drizzle believes in', async () => {
    await using fixture = await temporaryStore();
    const raw = new Database(fixture.file, { readonly: true });
    for (const table of Object.values(tables)) {
      if (!is(table, SQLiteTable)) continue;
      const { name, columns } = getTableConfig(table);
      const actual = raw
        .prepare<[string], { name: string; type: string; notnull: number }>(
          'SELECT name, type, "notnull" FROM pragma_table_info(?)',
        )
        .all(name);
      expect(actual.map((column) => [column.name, column.type])).toEqual(
        columns.map((column) => [column.name, column.getSQLType().toUpperCase()]),
      );
      for (const column of columns) {
        const found = actual.find((candidate) => candidate.name === column.name);
        if (!column.primary)
          expect([name, column.name, found?.notnull === 1]).toEqual([name, column.name, column.notNull]);
      }
    }
    raw.close();
  });

  it('refuses a file of a newer schema and leaves it alone', async () => {
    await using fixture = await temporaryStore();
    const raw = new Database(fixture.file);
    raw.pragma('user_version = 99');
    raw.exec(`UPDATE server_state SET value = '99' WHERE key = 'schema.readableFrom'`);
    raw.close();
    const error = thrownBy(() => openStore({ file: fixture.file }));
    expect(error.code).toBe('STATE_TOO_NEW');
    expect(error.details).toMatchObject({ schema: 99, known: migrations.length });
  });

  it('opens a file one schema newer when that schema says the older program may', async () => {
    await using fixture = await temporaryStore();
    const newest = migrations.length;
    const next: Migration = {
      id: newest + 1,
      readableFrom: newest,
      sql: 'CREATE TABLE next_thing (id INTEGER)',
    };
    openStore({ file: fixture.file, migrations: [...migrations, next] }).close();
    const older = openStore({ file: fixture.file });
    older.state.put('older', 'works');
    older.close();
    const newer = openStore({ file: fixture.file, migrations: [...migrations, next] });
    expect(newer.state.get('older')).toBe('works');
    newer.close();
  });

  it('says STATE_CORRUPT for a file that is no database, and for a damaged page', async () => {
    await using directory = await temporaryDirectory();
    const file = path.join(directory.path, 'state.sqlite3');
    writeFileSync(file, 'not a database, but long enough to look like something '.repeat(200));
    expect(thrownBy(() => openStore({ file })).code).toBe('STATE_CORRUPT');
  });

  it('says STATE_UNAVAILABLE when its directory is missing', async () => {
    await using directory = await temporaryDirectory();
    const file = path.join(directory.path, 'missing', 'state.sqlite3');
    expect(thrownBy(() => openStore({ file })).code).toBe('STATE_UNAVAILABLE');
  });

  it.each(migrations.map((migration, index) => [index, migration.id]))(
    'migrates a file that has the first %i migrations, and keeps what is in it',
    async (count) => {
      await using directory = await temporaryDirectory();
      const file = path.join(directory.path, 'state.sqlite3');
      const extra: Migration = {
        id: migrations.length + 1,
        readableFrom: migrations.length,
        sql: `ALTER TABLE deployments ADD COLUMN extra TEXT NOT NULL DEFAULT 'x'`,
      };
      const older = openStore({ file, migrations: migrations.slice(0, count) });
      older.close();
      const known = openStore({ file });
      known.deployments.put(sampleDeployment());
      known.close();
      const newer = openStore({ file, migrations: [...migrations, extra] });
      expect(newer.deployments.get('shop')).toMatchObject({ id: 'shop', routes: sampleDeployment().routes });
      newer.close();
    },
  );

  describe('held migrations', () => {
    const next: Migration = {
      id: migrations.length + 1,
      readableFrom: migrations.length,
      sql: `ALTER TABLE leases ADD COLUMN note TEXT NOT NULL DEFAULT ''; CREATE TABLE next_thing (id INTEGER)`,
    };
    const held = (file: string): Store =>
      openStore({ file, migrations: [...migrations, next], holdMigrations: true });
    const schemaOf = (file: string): unknown => {
      const raw = new Database(file, { readonly: true });
      try {
        return raw.pragma('user_version', { simple: true });
      } finally {
        raw.close();
      }
    };

    it('are seen by nobody else until they are settled, and everything written since comes with them', async () => {
      await using fixture = await temporaryStore();
      const newer = held(fixture.file);
      newer.state.put('boot', 'done');
      newer.transaction(() => newer.state.put('nested', 'yes'));
      expect(fixture.store.state.get('boot')).toBeUndefined();
      expect(schemaOf(fixture.file)).toBe(migrations.length);
      newer.settle();
      expect(schemaOf(fixture.file)).toBe(next.id);
      expect(fixture.store.state.get('nested')).toBe('yes');
      // One version older works on it, already open or opened anew.
      fixture.store.state.put('older', 'open');
      const older = openStore({ file: fixture.file });
      older.leases.acquire({ name: 'a', token: 't', owner: {}, acquiredAt: 1, expiresAt: 2 }, 1);
      expect(older.state.get('older')).toBe('open');
      older.close();
      newer.settle();
      newer.close();
    });

    it('leave no trace when the program ends before it settles them', async () => {
      await using fixture = await temporaryStore();
      const newer = held(fixture.file);
      newer.state.put('boot', 'half');
      newer.close();
      expect(schemaOf(fixture.file)).toBe(migrations.length);
      expect(fixture.store.state.get('boot')).toBeUndefined();
      fixture.store.state.put('older', 'writes again');
    });

    it('let a program that shall not wait fail at once meanwhile', async () => {
      await using fixture = await temporaryStore();
      const newer = held(fixture.file);
      fixture.store.stopWaiting();
      expect(thrownBy(() => fixture.store.state.put('late', 'x')).code).toBe('STATE_UNAVAILABLE');
      newer.settle();
      fixture.store.state.put('late', 'x');
      newer.close();
    });
  });

  it('backs an existing file up before it migrates, a fresh one not', async () => {
    await using directory = await temporaryDirectory();
    const file = path.join(directory.path, 'state.sqlite3');
    const backupDir = path.join(directory.path, 'backups');
    openStore({ file }).close();
    expect(existsSync(backupDir)).toBe(false);
    const next: Migration = {
      id: migrations.length + 1,
      readableFrom: 1,
      sql: 'CREATE TABLE next_thing (id INTEGER)',
    };
    openStore({ file, migrations: [...migrations, next] }).close();
    expect(readdirSync(backupDir)).toHaveLength(1);
    const backup = new Database(path.join(backupDir, readdirSync(backupDir)[0]!), { readonly: true });
    expect(backup.pragma('user_version', { simple: true })).toBe(migrations.length);
    backup.close();
  });

  it('leaves the schema as it was when a migration fails half way', async () => {
    await using directory = await temporaryDirectory();
    const file = path.join(directory.path, 'state.sqlite3');
    const broken: Migration = {
      id: migrations.length + 1,
      readableFrom: 1,
      sql: 'CREATE TABLE half (id INTEGER); CREATE TABLE half (id INTEGER);',
    };
    openStore({ file }).close();
    expect(() => openStore({ file, migrations: [...migrations, broken] })).toThrow(/half/);
    const raw = new Database(file, { readonly: true });
    expect(raw.pragma('user_version', { simple: true })).toBe(migrations.length);
    expect(raw.prepare(`SELECT 1 FROM sqlite_schema WHERE name = 'half'`).get()).toBeUndefined();
    raw.close();
  });
});

describe('repositories', () => {
  it('give back what was put, after a reopen, frozen', async () => {
    await using fixture = await temporaryStore();
    const { store, file } = fixture;
    const certificate = {
      id: 'example.com',
      names: ['example.com', '*.example.com'],
      source: 'custom',
      issuer: 'Test CA',
      notBefore: 1,
      notAfter: 2,
      lastError: null,
      nextTryAt: null,
      acme: null,
    } as const;
    const issued = {
      ...certificate,
      id: '_acme.example.com',
      source: 'acme',
      acme: { directory: 'https://ca.example/dir', issuedAt: 1, renewAt: 2, ariId: 'a.b', ariNextAt: null },
    } as const;
    const challenge = {
      kind: 'http-01',
      host: 'example.com',
      challenge: 'abc',
      keyAuthorization: 'abc.def',
      createdAt: 3,
    } as const;
    const account = {
      directory: 'https://ca.example/dir',
      url: 'https://ca.example/1',
      email: '',
      createdAt: 4,
    };
    const name = { name: 'a.com', failures: 1, lastTriedAt: 1, nextTryAt: 2, lastError: 'no route' };
    const order = {
      id: 'o',
      directory: account.directory,
      names: ['a.com'],
      url: 'https://ca.example/o',
      createdAt: 5,
    };
    const pause = { scope: account.directory, until: 100, reason: 'rate limited' };
    store.deployments.put(sampleDeployment());
    store.releases.put(sampleRelease());
    store.instances.put(sampleInstance());
    store.rollouts.put(sampleRollout());
    store.certificates.put(certificate);
    store.certificates.put(issued);
    store.challenges.put(challenge);
    store.acmeAccounts.put(account);
    store.acmeNames.put(name);
    store.acmeOrders.put(order);
    store.acmePauses.put(pause);
    store.state.put('boot', '1');
    const second = openStore({ file });
    expect(second.deployments.get('shop')).toEqual(sampleDeployment());
    expect(second.deployments.list()).toEqual([sampleDeployment()]);
    expect(second.releases.get('shop', 'v1')).toEqual(sampleRelease());
    expect(second.instances.list()).toEqual([sampleInstance()]);
    expect(second.rollouts.get('r-1')).toEqual(sampleRollout());
    expect(second.certificates.list()).toEqual([issued, certificate]);
    expect(second.certificates.get('example.com')).toEqual(certificate);
    expect(second.challenges.list()).toEqual([challenge]);
    expect(second.acmeAccounts.get(account.directory)).toEqual(account);
    expect(second.acmeNames.list()).toEqual([name]);
    expect(second.acmeOrders.list()).toEqual([order]);
    expect(second.acmeOrders.get('o')).toEqual(order);
    expect(second.acmePauses.list(99)).toEqual([pause]);
    expect(second.acmePauses.list(100)).toEqual([]);
    expect(second.state.get('boot')).toBe('1');
    expect(Object.isFrozen(second.deployments.get('shop')?.routes)).toBe(true);
    expect(Object.isFrozen(second.releases.get('shop', 'v1')?.manifest.env_vars)).toBe(true);
    second.close();
  });

  it('replace a row that is put again, and forget one that is deleted', async () => {
    await using fixture = await temporaryStore();
    const { store } = fixture;
    store.deployments.put(sampleDeployment());
    store.deployments.put(
      sampleDeployment({ currentVersion: 'v2', routes: ['new.example.com'], lastError: null }),
    );
    expect(store.deployments.get('shop')).toEqual(
      sampleDeployment({ currentVersion: 'v2', routes: ['new.example.com'], lastError: null }),
    );
    store.releases.put(sampleRelease());
    store.releases.put(sampleRelease({ state: 'good', deployedAt: 11 }));
    expect(store.releases.list('shop')).toEqual([sampleRelease({ state: 'good', deployedAt: 11 })]);
    store.releases.delete('shop', 'v1');
    expect(store.releases.get('shop', 'v1')).toBeUndefined();
    store.instances.put(sampleInstance());
    store.instances.put(sampleInstance({ port: null }));
    expect(store.instances.list('shop')).toEqual([sampleInstance({ port: null })]);
    expect(store.instances.list('other')).toEqual([]);
    store.instances.delete('shop-00000001');
    expect(store.instances.list()).toEqual([]);
    store.state.put('a', '1');
    store.state.put('a', '2');
    expect(store.state.get('a')).toBe('2');
    store.state.delete('a');
    expect(store.state.get('a')).toBeUndefined();
    const challenge = { kind: 'http-01', host: 'a.com', keyAuthorization: 'x', createdAt: 1 } as const;
    store.challenges.put({ ...challenge, challenge: 'one' });
    store.challenges.put({ ...challenge, challenge: 'two', kind: 'tls-alpn-01' });
    store.challenges.delete('a.com', 'one');
    expect(store.challenges.list().map((row) => [row.challenge, row.kind])).toEqual([['two', 'tls-alpn-01']]);
    const account = { directory: 'd', url: 'one', email: '', createdAt: 1 };
    store.acmeAccounts.put(account);
    store.acmeAccounts.put({ ...account, url: 'two' });
    expect(store.acmeAccounts.get('d')?.url).toBe('two');
    store.acmeAccounts.delete('d');
    expect(store.acmeAccounts.get('d')).toBeUndefined();
    const name = { name: 'a.com', failures: 1, lastTriedAt: 1, nextTryAt: 2, lastError: 'x' };
    store.acmeNames.put(name);
    store.acmeNames.put({ ...name, failures: 2 });
    expect(store.acmeNames.list().map((row) => row.failures)).toEqual([2]);
    store.acmeNames.delete('a.com');
    expect(store.acmeNames.list()).toEqual([]);
    const order = { id: 'o', directory: 'd', names: ['a.com'], url: 'one', createdAt: 1 };
    store.acmeOrders.put(order);
    store.acmeOrders.put({ ...order, url: 'two' });
    expect(store.acmeOrders.get('o')?.url).toBe('two');
    store.acmeOrders.delete('o');
    expect(store.acmeOrders.get('o')).toBeUndefined();
    store.acmePauses.put({ scope: 'd', until: 5, reason: 'one' });
    store.acmePauses.put({ scope: 'd', until: 7, reason: 'two' });
    store.acmePauses.sweep(6);
    expect(store.acmePauses.list(0)).toEqual([{ scope: 'd', until: 7, reason: 'two' }]);
    store.acmePauses.sweep(7);
    expect(store.acmePauses.list(0)).toEqual([]);
  });

  it('delete releases, instances, routes and rollouts with a deployment, and nobody else’s', async () => {
    await using fixture = await temporaryStore();
    const { store } = fixture;
    for (const id of ['shop', 'blog']) {
      store.deployments.put(sampleDeployment({ id, routes: [`${id}.example.com`] }));
      store.releases.put(sampleRelease({ deploymentId: id }));
      store.instances.put(sampleInstance({ id: `${id}-1`, deploymentId: id }));
      store.rollouts.put(sampleRollout({ id: `r-${id}`, deploymentId: id }));
    }
    store.deployments.delete('shop');
    expect(store.deployments.list().map((row) => row.id)).toEqual(['blog']);
    expect(store.deployments.allRoutes()).toEqual([{ route: 'blog.example.com', deploymentId: 'blog' }]);
    expect(store.releases.list('shop')).toEqual([]);
    expect(store.rollouts.latest('shop')).toBeUndefined();
    expect(store.instances.list().map((row) => row.id)).toEqual(['blog-1']);
    expect(store.releases.list('blog')).toHaveLength(1);
  });

  it('list releases newest first and rollouts by start, pruning all but the newest that ended', async () => {
    await using fixture = await temporaryStore();
    const { store } = fixture;
    for (const [version, preparedAt] of [
      ['v1', 10],
      ['v2', 30],
      ['v3', 20],
      ['v4', 30],
    ] as const) {
      store.releases.put(sampleRelease({ version, preparedAt }));
    }
    expect(store.releases.list('shop').map((row) => row.version)).toEqual(['v4', 'v2', 'v3', 'v1']);
    store.releases.put(sampleRelease({ deploymentId: 'never-deployed', sha256: 'b'.repeat(64) }));
    expect(store.releases.artifacts()).toEqual(['a'.repeat(64), 'b'.repeat(64)]);
    for (let index = 1; index <= 5; index += 1) {
      const state = index === 1 ? 'running' : 'deployed';
      store.rollouts.put(sampleRollout({ id: `r-${index}`, startedAt: index, state }));
    }
    store.rollouts.prune('shop', 2);
    expect(['r-1', 'r-2', 'r-3', 'r-4', 'r-5'].map((id) => store.rollouts.get(id)?.id)).toEqual([
      'r-1',
      undefined,
      undefined,
      'r-4',
      'r-5',
    ]);
    expect(store.rollouts.running().map((row) => row.id)).toEqual(['r-1']);
    expect(store.rollouts.latest('shop')?.id).toBe('r-5');
  });

  it('keep the newest audit rows up to the limit', async () => {
    await using fixture = await temporaryStore();
    const { store } = fixture;
    const row = (at: number) =>
      ({
        at,
        caller: 'ann',
        procedure: 'deploy',
        deploymentId: at % 2 ? 'shop' : null,
        outcome: 'ok',
        code: null,
        detail: null,
        durationMs: 1,
      }) as const;
    store.transaction(() => {
      for (let at = 1; at <= AUDIT_ROWS_MAX + 3; at += 1) store.audit.append(row(at));
    });
    const rows = store.audit.list({ limit: AUDIT_ROWS_MAX + 10 });
    expect(rows).toHaveLength(AUDIT_ROWS_MAX);
    expect(rows[0]?.at).toBe(AUDIT_ROWS_MAX + 3);
    expect(rows.at(-1)?.at).toBe(4);
    expect(store.audit.list({ deploymentId: 'shop', limit: 2 }).map((entry) => entry.at)).toEqual([
      10_003, 10_001,
    ]);
  });
});

describe('route ownership', () => {
  const owners = (store: Store) => store.deployments.allRoutes();

  it('is exclusive: a taken route names route and owner, and nothing of the put remains', async () => {
    await using fixture = await temporaryStore();
    const { store } = fixture;
    store.deployments.put(sampleDeployment());
    const before = owners(store);
    const error = thrownBy(() =>
      store.deployments.put(
        sampleDeployment({ id: 'blog', routes: ['blog.example.com', 'SHOP.example.com'] }),
      ),
    );
    expect(error.code).toBe('ROUTE_CONFLICT');
    expect(error.details).toMatchObject({ route: 'SHOP.example.com', owner: 'shop', deploymentId: 'blog' });
    expect(store.deployments.get('blog')).toBeUndefined();
    expect(owners(store)).toEqual(before);
  });

  it('allows the same host with another path, and a route that its owner gave up', async () => {
    await using fixture = await temporaryStore();
    const { store } = fixture;
    store.deployments.put(sampleDeployment({ routes: ['example.com', 'example.com/a/*'] }));
    store.deployments.put(sampleDeployment({ id: 'blog', routes: ['example.com/b/*'] }));
    store.deployments.put(sampleDeployment({ routes: ['example.com'] }));
    store.deployments.put(sampleDeployment({ id: 'blog', routes: ['example.com/b/*', 'example.com/a/*'] }));
    expect(owners(store)).toHaveLength(3);
  });

  it('tells who owns what, except the one who asks', async () => {
    await using fixture = await temporaryStore();
    const { store } = fixture;
    store.deployments.put(sampleDeployment({ routes: ['example.com', 'Example.org/x'] }));
    expect(store.deployments.routeOwners(['EXAMPLE.com', 'free.com', 'example.org/x'], 'blog')).toEqual([
      { route: 'EXAMPLE.com', deploymentId: 'shop' },
      { route: 'example.org/x', deploymentId: 'shop' },
    ]);
    expect(store.deployments.routeOwners(['example.com'], 'shop')).toEqual([]);
    const many = Array.from({ length: 1000 }, (_, index) => `h${index}.example.net`);
    expect(store.deployments.routeOwners([...many, 'example.com'], 'blog')).toHaveLength(1);
  });
});

describe('transaction', () => {
  it('keeps all or nothing', async () => {
    await using fixture = await temporaryStore();
    const { store } = fixture;
    expect(() =>
      store.transaction(() => {
        store.deployments.put(sampleDeployment());
        store.releases.put(sampleRelease());
        throw new Error('changed my mind');
      }),
    ).toThrow('changed my mind');
    expect(store.deployments.list()).toEqual([]);
    expect(store.releases.list('shop')).toEqual([]);
  });

  it('nested: commits with the outer one; an inner one that throws and is caught leaves nothing', async () => {
    await using fixture = await temporaryStore();
    const { store } = fixture;
    store.deployments.put(sampleDeployment());
    store.transaction(() => {
      store.state.put('outer', 'kept');
      expect(() => store.deployments.put(sampleDeployment({ id: 'blog' }))).toThrow(/belongs to shop/);
    });
    expect(store.state.get('outer')).toBe('kept');
    expect(store.deployments.get('blog')).toBeUndefined();
  });
});

describe('leases', () => {
  it('are held until they expire, by the token alone', async () => {
    await using fixture = await temporaryStore();
    const { leases } = fixture.store;
    const mine = sampleLease();
    const theirs = sampleLease({ token: 'token-two-0123456789', owner: { user: 'bob' } });
    expect(leases.acquire(mine, 1000)).toEqual({ kind: 'acquired', lease: mine });
    expect(leases.acquire(theirs, 1999)).toEqual({ kind: 'held', by: mine });
    expect(leases.acquire({ ...mine, expiresAt: 2500 }, 1999).kind).toBe('acquired');
    expect(leases.get(mine.name, 2499)?.expiresAt).toBe(2500);
    expect(leases.get(mine.name, 2500)).toBeUndefined();
    expect(leases.acquire({ ...theirs, expiresAt: 3500 }, 2500).kind).toBe('acquired');
    expect(leases.renew(mine.name, mine.token, 9000, 2600)).toBe(false);
    expect(leases.renew(mine.name, theirs.token, 9000, 2600)).toBe(true);
    expect(leases.renew(mine.name, theirs.token, 9999, 9000)).toBe(false);
    expect(leases.release(mine.name, mine.token)).toBe(false);
    expect(leases.release(mine.name, theirs.token)).toBe(true);
    expect(leases.get(mine.name, 2600)).toBeUndefined();
  });

  it('can be taken away by force, and are listed by prefix while they live', async () => {
    await using fixture = await temporaryStore();
    const { leases } = fixture.store;
    leases.acquire(sampleLease(), 1000);
    leases.acquire(sampleLease({ name: 'deployment:blog', expiresAt: 1500 }), 1000);
    leases.acquire(sampleLease({ name: 'upgrading' }), 1000);
    expect(leases.list('deployment:', 1200).map((row) => row.name)).toEqual([
      'deployment:blog',
      'deployment:shop',
    ]);
    expect(leases.list('deployment:', 1600).map((row) => row.name)).toEqual(['deployment:shop']);
    expect(leases.force('deployment:shop')).toEqual(sampleLease());
    expect(leases.force('deployment:shop')).toBeUndefined();
  });
});
