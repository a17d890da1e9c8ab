import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { identifyProcess } from '@tako/supervisor';
import { expect, it } from 'vitest';
import { temporaryDirectory } from '../testing/temporary-directory.ts';
import { takeInstallLock } from './install-lock.ts';

const never = new AbortController().signal;

it('is held by one at a time, however many want it, and is gone when nobody does', async () => {
  await using directory = await temporaryDirectory();
  const lock = path.join(directory.path, '.1.0.0.lock');
  let holders = 0;
  let most = 0;
  const taker = async (): Promise<void> => {
    for (let round = 0; round < 8; round += 1) {
      await using _held = await takeInstallLock(lock, never);
      holders += 1;
      most = Math.max(most, holders);
      // Long enough for others to look, and to be at it when it is released.
      await new Promise((resolve) => setImmediate(resolve));
      holders -= 1;
    }
  };
  await Promise.all(Array.from({ length: 12 }, taker));
  expect(most).toBe(1);
  expect(await readdir(directory.path)).toEqual([]);
});

it('of a holder that died is had by one of those who find it', async () => {
  await using directory = await temporaryDirectory();
  const lock = path.join(directory.path, '.1.0.0.lock');
  const child = spawn('sleep', ['60']);
  const dead = identifyProcess(child.pid ?? 0);
  child.kill('SIGKILL');
  await once(child, 'exit');
  await writeFile(lock, JSON.stringify(dead));
  let holders = 0;
  let most = 0;
  const taker = async (): Promise<void> => {
    await using _held = await takeInstallLock(lock, never);
    holders += 1;
    most = Math.max(most, holders);
    await new Promise((resolve) => setTimeout(resolve, 20));
    holders -= 1;
  };
  await Promise.all(Array.from({ length: 8 }, taker));
  expect(most).toBe(1);
  expect(await readdir(directory.path)).toEqual([]);
});
