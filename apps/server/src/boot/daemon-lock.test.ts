// The lock of a daemon, raced for by real processes.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { identifyProcess } from '@tako/supervisor';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../testing/temporary-directory.ts';
import { lockDaemon } from './daemon-lock.ts';
import { claimOn } from './lock-file.ts';

const racers = 8;
const rounds = 50;
const fixture = path.join(import.meta.dirname, '../testing/fixtures/race-for-daemon-lock.ts');
const execArgv = ['--conditions=source', '--no-warnings=ExperimentalWarning'];

/** Of processes that were: same pid, other start. */
const dead = (startTimeTicks: number): string =>
  JSON.stringify({ ...identifyProcess(process.pid), startTimeTicks });

/** What is left in the directory of a round, from nothing to claims of several that died over it. */
async function leave(directory: string, round: number): Promise<void> {
  await mkdir(directory);
  const kind = round % 5;
  if (kind === 0) return;
  let file = path.join(directory, 'daemon.json');
  for (let depth = 1; depth < kind; depth += 1) {
    await writeFile(file, dead(depth));
    file = claimOn(file, dead(depth));
  }
  await writeFile(file, kind === 1 ? '' : dead(kind));
}

async function answer(child: ChildProcess, directory: string): Promise<boolean> {
  const answered = once(child, 'message');
  child.send(directory);
  const [message] = (await answered) as [{ got: boolean }];
  return message.got;
}

test(
  `of ${racers} daemons that start at once where a dead one's lock is left exactly one gets it, in each of ${rounds} rounds`,
  { timeout: 120_000 },
  async () => {
    await using place = await temporaryDirectory();
    const children = Array.from({ length: racers }, () => fork(fixture, { execArgv }));
    await using ended = new AsyncDisposableStack();
    ended.defer(() => children.forEach((child) => child.kill('SIGKILL')));
    await Promise.all(children.map((child) => once(child, 'message')));
    for (let round = 0; round < rounds; round += 1) {
      const directory = path.join(place.path, String(round));
      await leave(directory, round);
      const got = await Promise.all(children.map((child) => answer(child, directory)));
      expect([round, got.filter(Boolean).length]).toEqual([round, 1]);
      const owner: unknown = JSON.parse(await readFile(path.join(directory, 'daemon.json'), 'utf8'));
      expect(owner).toEqual(identifyProcess(children[got.indexOf(true)]?.pid ?? 0));
    }
  },
);

test('what is held is refused with the holder, and free again once released; a second release is nobody else’s', async () => {
  await using place = await temporaryDirectory();
  await writeFile(path.join(place.path, 'daemon.json'), dead(1));
  const first = await lockDaemon([place.path]);
  await expect(lockDaemon([place.path])).rejects.toThrow(`tako-server ${process.pid} already runs`);
  await first[Symbol.asyncDispose]();
  await using _second = await lockDaemon([place.path]);
  await first[Symbol.asyncDispose]();
  await expect(lockDaemon([place.path])).rejects.toThrow('already runs');
  expect(await readdir(place.path)).toEqual(['daemon.json']);
});
