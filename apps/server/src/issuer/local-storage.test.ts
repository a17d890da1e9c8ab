import { createPrivateKey } from 'node:crypto';
import { readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { openStore } from '@tako/store';
import { identifyProcess } from '@tako/supervisor';
import { describe, expect, it } from 'vitest';
import { CertificateFiles } from '../certificates/certificate-files.ts';
import { recordingLog } from '../testing/silent-log.ts';
import { temporaryDirectory } from '../testing/temporary-directory.ts';
import { ChallengeBoard } from './challenge-board.ts';
import type { AlpnChallengeView, ChallengeView } from './challenge-board.ts';
import { issuerLimits } from './limits.ts';
import { openLocalStorage } from './local-storage.ts';
import { withNameLock } from './name-lock.ts';

const CA = 'https://ca.example/directory';

async function openWorld() {
  const directory = await temporaryDirectory();
  const store = openStore({ file: path.join(directory.path, 'state.sqlite3') });
  const clock = { now: 1_000_000 };
  const nowMs = () => clock.now;
  const { log } = recordingLog();
  const files = new CertificateFiles({
    dataDir: directory.path,
    certificates: store.certificates,
    nowMs,
    log,
  });
  const open = () => openLocalStorage({ dataDir: directory.path, store, issued: files.issued, nowMs });
  return {
    clock,
    store,
    log,
    open,
    storage: await open(),
    dir: path.join(directory.path, 'acme'),
    async [Symbol.asyncDispose]() {
      store.close();
      await directory[Symbol.asyncDispose]();
    },
  };
}

describe('accounts', () => {
  it('have one key for each CA, however many ask at once, kept over restarts', async () => {
    await using world = await openWorld();
    const opened = await Promise.all(Array.from({ length: 5 }, () => world.storage.accounts.open(CA)));
    expect(new Set(opened.map(({ key }) => key)).size).toBe(1);
    expect(opened[0]).toMatchObject({ url: null, email: '' });
    await world.storage.accounts.put({ directory: CA, url: 'https://ca.example/acct/1', email: 'a@b.c' });
    const again = await (await world.open()).accounts.open(CA);
    expect(again).toEqual({ ...opened[0], url: 'https://ca.example/acct/1', email: 'a@b.c' });
    expect((await world.storage.accounts.open('https://other.example/')).key).not.toBe(again.key);
    const [file] = await readdir(path.join(world.dir, 'accounts'));
    expect((await stat(path.join(world.dir, 'accounts', file!))).mode & 0o777).toBe(0o600);
    expect((await stat(path.join(world.dir, 'accounts'))).mode & 0o777).toBe(0o700);
  });

  it('have a whole key for whoever opens them while it is being made', async () => {
    await using world = await openWorld();
    for (let round = 0; round < 10; round += 1) {
      const making = new AbortController();
      const made = world.storage.accounts.open(`${CA}/${round}`).finally(() => making.abort());
      const keys = new Set<string>();
      while (!making.signal.aborted) keys.add((await world.storage.accounts.open(`${CA}/${round}`)).key);
      const { key } = await made;
      expect(createPrivateKey(key).asymmetricKeyType).toBe('ec');
      expect([...keys]).toEqual([key]);
    }
  });

  it('are registered anew when the key is lost, or the CA has forgotten them', async () => {
    await using world = await openWorld();
    const { key } = await world.storage.accounts.open(CA);
    await world.storage.accounts.put({ directory: CA, url: 'https://ca.example/acct/1', email: '' });
    await world.storage.accounts.forget(CA);
    expect(await world.storage.accounts.open(CA)).toMatchObject({ key, url: null });
    await world.storage.accounts.put({ directory: CA, url: 'https://ca.example/acct/1', email: '' });
    await rm(path.join(world.dir, 'accounts'), { recursive: true });
    const storage = await world.open();
    const fresh = await storage.accounts.open(CA);
    expect(fresh.url).toBeNull();
    expect(fresh.key).not.toBe(key);
  });
});

describe('orders', () => {
  const order = { id: 'o1', directory: CA, names: ['a.com'], url: 'u', createdAt: 5, privateKey: 'KEY' };

  it('come back with their key, and not at all without it', async () => {
    await using world = await openWorld();
    await world.storage.orders.put(order);
    expect(await (await world.open()).orders.get('o1')).toEqual(order);
    expect(await world.storage.orders.placedBefore(5)).toEqual([]);
    expect(await world.storage.orders.placedBefore(6)).toEqual(['o1']);
    const [file] = await readdir(path.join(world.dir, 'orders'));
    expect((await stat(path.join(world.dir, 'orders', file!))).mode & 0o777).toBe(0o600);
    await rm(path.join(world.dir, 'orders', file!));
    expect(await world.storage.orders.get('o1')).toBeNull();
    await world.storage.orders.put(order);
    await world.storage.orders.delete('o1');
    expect(await world.storage.orders.get('o1')).toBeNull();
    expect(await readdir(path.join(world.dir, 'orders'))).toEqual([]);
  });
});

describe('the lock of names', () => {
  it('is taken for all names or none, and ends by itself', async () => {
    await using world = await openWorld();
    const { locks } = world.storage;
    const first = await locks.acquire(['a.com', 'b.com']);
    expect(first).not.toBeNull();
    expect(await locks.acquire(['b.com', 'c.com'])).toBeNull();
    const other = await locks.acquire(['c.com']);
    expect(other).not.toBeNull();
    world.clock.now += issuerLimits.nameLeaseMs - 1;
    expect(await locks.acquire(['a.com'])).toBeNull();
    expect(await first!.renew()).toBe(true);
    world.clock.now += issuerLimits.nameLeaseMs - 1;
    expect(await locks.acquire(['a.com'])).toBeNull();
    world.clock.now += 1;
    const next = await locks.acquire(['a.com']);
    expect(next).not.toBeNull();
    // Whoever lost it neither renews nor releases it.
    expect(await first!.renew()).toBe(false);
    await first!.release();
    expect(await locks.acquire(['a.com'])).toBeNull();
    await next!.release();
    expect(await locks.acquire(['a.com', 'b.com'])).not.toBeNull();
  });

  it('is not held by a process that was killed', async () => {
    await using world = await openWorld();
    const { leases } = world.store;
    const now = world.clock.now;
    const held = { token: 't', acquiredAt: now, expiresAt: now + issuerLimits.nameLeaseMs };
    const self = identifyProcess(process.pid);
    // Our number, begun at another time: whoever had it before us is dead.
    const dead = { ...self, startTimeTicks: 1 };
    leases.acquire({ ...held, name: 'certificate:dead.com', owner: dead }, now);
    leases.acquire({ ...held, name: 'certificate:alive.com', owner: { ...self } }, now);
    expect(await world.storage.locks.acquire(['dead.com'])).not.toBeNull();
    expect(await world.storage.locks.acquire(['alive.com'])).toBeNull();
  });

  it('is not held for ever by a clock that was ahead', async () => {
    await using world = await openWorld();
    world.clock.now += 365 * 86_400_000;
    expect(await world.storage.locks.acquire(['a.com'])).not.toBeNull();
    world.clock.now -= 365 * 86_400_000;
    expect(await world.storage.locks.acquire(['a.com'])).not.toBeNull();
  });

  it('is given back however the work ends, and the work ends with its signal', async () => {
    await using world = await openWorld();
    const { locks } = world.storage;
    const stopping = new AbortController();
    const failing = withNameLock(locks, ['a.com'], {
      signal: stopping.signal,
      work: async () => {
        expect(
          await withNameLock(locks, ['a.com'], { signal: stopping.signal, work: async () => 1 }),
        ).toEqual({ kind: 'held' });
        throw new Error('broke');
      },
    });
    await expect(failing).rejects.toThrow('broke');
    const stopped = withNameLock(locks, ['a.com'], {
      signal: stopping.signal,
      work: (signal) =>
        new Promise((resolve) => {
          signal.addEventListener('abort', () => resolve('ended'), { once: true });
          stopping.abort();
        }),
    });
    expect(await stopped).toEqual({ kind: 'done', value: 'ended' });
    expect(await locks.acquire(['a.com'])).not.toBeNull();
  });
});

describe('the challenge board', () => {
  async function openBoard() {
    const world = await openWorld();
    const shown: { http: readonly ChallengeView[]; alpn: readonly AlpnChallengeView[] } = {
      http: [],
      alpn: [],
    };
    const board = new ChallengeBoard({
      storage: world.storage.challenges,
      nowMs: () => world.clock.now,
      log: world.log,
      publishHttp: async (list) => void (shown.http = list),
      publishAlpn: async (list) => void (shown.alpn = list),
    });
    return { ...world, board, shown, [Symbol.asyncDispose]: () => world[Symbol.asyncDispose]() };
  }
  const challenge = (host: string, token: string, kind: 'http-01' | 'tls-alpn-01' = 'http-01') => ({
    kind,
    host,
    challenge: token,
    keyAuthorization: `${token}.thumb`,
  });

  it('takes away the challenges of one order, and never those of another', async () => {
    await using world = await openBoard();
    await world.board.present([challenge('a.com', 'one')]);
    await world.board.present([challenge('a.com', 'two'), challenge('b.com', 'three')]);
    await world.board.withdraw([challenge('a.com', 'one')]);
    expect(world.shown.http.map(({ challenge: token }) => token)).toEqual(['two', 'three']);
  });

  it('shows TLS-ALPN-01 as certificates, apart from the others, and says when there are none left', async () => {
    await using world = await openBoard();
    await world.board.present([challenge('a.com', 'one'), challenge('a.com', 'two', 'tls-alpn-01')]);
    expect(world.shown.http).toHaveLength(1);
    expect(world.shown.alpn).toMatchObject([
      { host: 'a.com', certificate: expect.stringContaining('BEGIN CERTIFICATE') },
    ]);
    const [first] = world.shown.alpn;
    await world.board.show();
    expect(world.shown.alpn[0]).toBe(first);
    await world.board.withdraw([challenge('a.com', 'two', 'tls-alpn-01')]);
    expect(world.shown.alpn).toEqual([]);
  });

  it('sweeps what crashes left, at its opening, and shows what is young', async () => {
    await using world = await openBoard();
    await world.board.present([challenge('a.com', 'old')]);
    world.clock.now += issuerLimits.challengeMaxAgeMs;
    await world.board.present([challenge('a.com', 'young')]);
    await world.board.open();
    expect(world.shown.http).toHaveLength(2);
    world.clock.now += 1;
    await world.board.open();
    expect(world.shown.http.map(({ challenge: token }) => token)).toEqual(['young']);
  });
});
