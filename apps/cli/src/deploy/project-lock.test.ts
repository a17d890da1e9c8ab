import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { openTempDirectory } from '../testing/temp-directory.ts';
import { holdProjectLock, type ProjectLockOptions } from './project-lock.ts';

const options = (file: string, more: Partial<ProjectLockOptions> = {}): ProjectLockOptions => ({
  file,
  holder: { pid: process.pid, host: 'here', user: 'anna', command: 'tako deploy' },
  waitMs: 0,
  onWaiting: () => undefined,
  signal: new AbortController().signal,
  ...more,
});

it('is held by one, who is named to the next, and is gone afterwards', async () => {
  await using dir = await openTempDirectory();
  const file = path.join(dir.path, '.tako', 'deploy.lock');
  {
    await using _held = await holdProjectLock(options(file));
    await expect(holdProjectLock(options(file))).rejects.toMatchObject({
      code: 'PROJECT_LOCKED',
      message: expect.stringContaining(`anna@here (pid ${process.pid})`),
    });
  }
  expect(await readdir(path.dirname(file))).toEqual([]);
  await using _again = await holdProjectLock(options(file));
});

it('waits for the holder when it may', async () => {
  await using dir = await openTempDirectory();
  const file = path.join(dir.path, 'deploy.lock');
  const held = await holdProjectLock(options(file));
  const waiting = Promise.withResolvers<void>();
  const second = holdProjectLock(options(file, { waitMs: 10_000, onWaiting: () => waiting.resolve() }));
  await waiting.promise;
  await held[Symbol.asyncDispose]();
  await using _got = await second;
});

it('takes over the lock of a process that is dead, or whose pid is another process by now', async () => {
  await using dir = await openTempDirectory();
  const file = path.join(dir.path, 'deploy.lock');
  const child = spawn('true');
  await once(child, 'close');
  const dead = {
    pid: child.pid,
    host: 'here',
    user: 'anna',
    command: 'tako deploy',
    at: '',
    startTicks: null,
  };
  await writeFile(file, JSON.stringify(dead));
  {
    await using _held = await holdProjectLock(options(file));
    expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({ pid: process.pid });
  }
  await writeFile(file, JSON.stringify({ ...dead, pid: process.pid, startTicks: '1' }));
  await using _held = await holdProjectLock(options(file));
});

it('takes over what is no lock at all, and never that of another machine', async () => {
  await using dir = await openTempDirectory();
  const file = path.join(dir.path, 'deploy.lock');
  await writeFile(file, '{"pid":');
  await (await holdProjectLock(options(file)))[Symbol.asyncDispose]();
  await writeFile(
    file,
    JSON.stringify({
      pid: 1,
      host: 'elsewhere',
      user: 'bob',
      command: 'tako deploy',
      at: '',
      startTicks: null,
    }),
  );
  await expect(holdProjectLock(options(file))).rejects.toMatchObject({ code: 'PROJECT_LOCKED' });
});

it('lets exactly one of many through at a time', async () => {
  await using dir = await openTempDirectory();
  const file = path.join(dir.path, 'deploy.lock');
  await writeFile(file, 'left over');
  let inside = 0;
  let most = 0;
  const deploy = async (pid: number): Promise<void> => {
    await using _held = await holdProjectLock(
      options(file, { waitMs: 15_000, holder: { pid, host: 'here', user: 'u', command: 'c' } }),
    );
    inside += 1;
    most = Math.max(most, inside);
    await new Promise((resolve) => setImmediate(resolve));
    inside -= 1;
  };
  await Promise.all([process.pid, process.ppid].map(deploy));
  expect(most).toBe(1);
});
