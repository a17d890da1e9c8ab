import path from 'node:path';
import { openStore } from '@tako/store';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../testing/temporary-directory.ts';
import { createAppUsers, uidSpace } from './app-users.ts';

async function temporaryStore() {
  const directory = await temporaryDirectory();
  const file = path.join(directory.path, 'state.sqlite3');
  const store = openStore({ file });
  return {
    file,
    store,
    [Symbol.asyncDispose]: async () => {
      store.close();
      await directory[Symbol.asyncDispose]();
    },
  };
}

const inSpace = (uid: number): boolean => uid >= uidSpace.first && uid <= uidSpace.last;

test('each deployment keeps a uid of its own, also after a restart, and a deleted one is never given again', async () => {
  await using fixture = await temporaryStore();
  const users = createAppUsers(fixture.store, true);
  const web = users.runAs('web');
  const api = users.runAs('api');
  expect(web?.uid).toSatisfy(inSpace);
  expect(web).toEqual({ uid: web?.uid, gid: web?.uid });
  expect(api?.uid).toBe(Number(web?.uid) + 1);
  users.forget('api');
  const again = openStore({ file: fixture.file });
  expect(createAppUsers(again, true).runAs('web')).toEqual(web);
  expect(createAppUsers(again, true).runAs('api')?.uid).toBe(Number(web?.uid) + 2);
  again.close();
});

test('two servers have blocks of their own', async () => {
  await using one = await temporaryStore();
  await using other = await temporaryStore();
  const [a, b] = [
    createAppUsers(one.store, true).runAs('web'),
    createAppUsers(other.store, true).runAs('web'),
  ];
  expect(Math.abs(Number(a?.uid) - Number(b?.uid))).toBeGreaterThanOrEqual(uidSpace.blockSize);
});

test('a full block is followed by another', async () => {
  await using fixture = await temporaryStore();
  const users = createAppUsers(fixture.store, true);
  const first = Number(users.runAs('app-0')?.uid);
  fixture.store.state.put('app_users.next', String(uidSpace.blockSize - 1));
  expect(users.runAs('last')?.uid).toBe(first + uidSpace.blockSize - 1);
  const next = Number(users.runAs('one-more')?.uid);
  expect(next).toSatisfy(inSpace);
  expect(next % uidSpace.blockSize).toBe(0);
  expect(next).not.toBe(first);
  expect(users.runAs('app-0')?.uid).toBe(first);
});

test('a server that gave uids from 70000 up goes on with them', async () => {
  await using fixture = await temporaryStore();
  fixture.store.state.put('app_users.uid.old', '70000');
  fixture.store.state.put('app_users.next', '1');
  const users = createAppUsers(fixture.store, true);
  expect(users.runAs('old')?.uid).toBe(70_000);
  expect(users.runAs('new')?.uid).toBe(70_001);
});

test('a daemon that cannot switch users names none', async () => {
  await using fixture = await temporaryStore();
  expect(createAppUsers(fixture.store, false).runAs('web')).toBeNull();
});
