import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import type { ProcessIdentity } from './instance.types.ts';
import { makeFifos } from './output-fifos.ts';
import {
  identifyProcess,
  isAlive,
  killGroup,
  killProcess,
  presenceOf,
  sendSignal,
} from './process-identity.ts';
import { findMembers, findTree, residentBytesOfTree } from './process-members.ts';
import { parseProcessStat } from './process-stat.ts';
import { stopLeftover } from './stop-leftover.ts';
import { fixture, tempDir } from './testing.ts';

interface Running extends AsyncDisposable {
  readonly child: ChildProcess;
  readonly identity: ProcessIdentity;
}

/** A process in a group of its own, with that environment; its group is killed with the scope. */
function run(argv: readonly [string, ...string[]], env: Record<string, string> = {}): Running {
  const [file, ...args] = argv;
  const child = spawn(file, args, {
    detached: true,
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { PATH: '/usr/bin:/bin', ...env },
  });
  const identity = identifyProcess(child.pid ?? 0);
  if (identity === null) throw new Error('not started');
  const exited = once(child, 'exit');
  return {
    child,
    identity,
    [Symbol.asyncDispose]: async () => {
      killGroup(identity, 'SIGKILL');
      await exited;
    },
  };
}

async function firstOutput({ child }: Running): Promise<string> {
  if (child.stdout === null) throw new Error('no stdout');
  const [chunk] = await once(child.stdout, 'data');
  return String(chunk);
}

test('a command name with spaces and parentheses does not confuse the fields', () => {
  const fields = ['S', '7', '42', '43', ...Array(15).fill('0'), '9876', '0'].join(' ');
  expect(parseProcessStat(`42 (a) b (c)) ${fields}\n`)).toEqual({
    pid: 42,
    state: 'S',
    parentPid: 7,
    processGroup: 42,
    session: 43,
    startTimeTicks: 9876,
  });
  expect(parseProcessStat('')).toBeNull();
  expect(parseProcessStat('42 (short) S 1')).toBeNull();
});

test('a process is known by more than its number', async () => {
  await using running = run(['/bin/sleep', '1000']);
  const { identity } = running;
  expect(presenceOf(identity)).toBe('alive');
  expect(presenceOf({ ...identity, startTimeTicks: identity.startTimeTicks - 1 })).toBe('replaced');
  expect(presenceOf({ ...identity, bootId: '00000000-0000-0000-0000-000000000000' })).toBe('replaced');
});

test('a process that merely has the number is never signalled', async () => {
  await using running = run(['/bin/sleep', '1000']);
  const other = { ...running.identity, startTimeTicks: running.identity.startTimeTicks - 1 };
  expect(killGroup(other, 'SIGKILL')).toBe(false);
  expect(killProcess(other, 'SIGKILL')).toBe(false);
  expect(await stopLeftover({ identity: other, instanceId: 'demo-0', runDir: null }, 0)).toEqual({
    kind: 'gone',
    killed: false,
  });
  expect(isAlive(running.identity)).toBe(true);
});

test('a zombie is dead', async () => {
  // The shell replaces itself by a sleep that never reaps the child.
  await using parent = run(['/bin/sh', '-c', 'sleep 0.01 & echo $!; exec sleep 1000']);
  const zombie = identifyProcess(Number(await firstOutput(parent)));
  expect(zombie).not.toBeNull();
  await expect.poll(() => presenceOf(zombie!)).toBe('zombie');
  expect(isAlive(zombie!)).toBe(false);
});

test('after it was reaped there is nothing to signal', async () => {
  await using running = run(['/bin/true']);
  await once(running.child, 'exit');
  expect(presenceOf(running.identity)).toBe('gone');
  expect(killGroup(running.identity, 'SIGTERM')).toBe(false);
});

test('numbers that mean everybody are refused', () => {
  for (const pid of [0, 1, -1, Number.NaN, 1.5])
    expect(() => sendSignal(pid, 'SIGTERM')).toThrow('assertion failed');
  expect(identifyProcess(0)).toBeNull();
});

test('members are found by group, by session and by mark, whoever left which', async () => {
  await using running = run([fixture('forks-children.sh')], { TAKO_INSTANCE: 'demo-members' });
  let told = '';
  running.child.stdout?.on('data', (chunk) => (told += String(chunk)));
  await expect.poll(() => told).toContain('TAKO:READY');
  const children = [...told.matchAll(/child (\d+)/g)].map(([, pid]) => Number(pid));
  const mark = {
    leader: running.identity,
    environmentEntry: 'TAKO_INSTANCE=demo-members',
    trustGroupNumber: true,
  };
  const pids = findMembers(mark).map(({ pid }) => pid);
  expect(pids).toEqual(expect.arrayContaining([running.identity.pid, ...children]));
  const unmarked = findMembers({ ...mark, environmentEntry: null }).map(({ pid }) => pid);
  expect(unmarked).toEqual(expect.arrayContaining(children.slice(0, 2)));
  expect(unmarked).not.toContain(children[2]);
  expect(findTree(running.identity.pid)).toEqual(expect.arrayContaining(children));
  expect(residentBytesOfTree(running.identity)).toBeGreaterThan(100_000);
  // A prefix of the mark is another instance.
  expect(
    findMembers({
      ...mark,
      leader: { ...running.identity, pid: 2 ** 22 - 1 },
      environmentEntry: 'TAKO_INSTANCE=demo-member',
    }),
  ).toEqual([]);
  expect(
    await stopLeftover({ identity: running.identity, instanceId: 'demo-members', runDir: null }, 300),
  ).toMatchObject({ kind: 'gone' });
  expect(
    children.map((pid) => identifyProcess(pid)).filter((found) => found !== null && isAlive(found)),
  ).toEqual([]);
});

test('a left-over whose first process is long gone is found by its mark alone', async () => {
  await using directory = tempDir();
  const runDir = path.join(directory.path, 'run');
  mkdirSync(runDir);
  await makeFifos(runDir, new AbortController().signal);
  await using running = run(['/bin/sh', '-c', 'setsid sleep 1000 & echo $!'], {
    TAKO_INSTANCE: 'demo-orphan',
  });
  const orphan = identifyProcess(Number(await firstOutput(running)));
  expect(orphan).not.toBeNull();
  await expect.poll(() => presenceOf(running.identity)).toBe('gone');
  expect(isAlive(orphan!)).toBe(true);
  expect(
    await stopLeftover({ identity: running.identity, instanceId: 'demo-orphan', runDir }, 2_000),
  ).toEqual({ kind: 'gone', killed: false });
  expect(isAlive(orphan!)).toBe(false);
});

test('a left-over of an earlier boot is left alone: whatever has the number now is not it', async () => {
  await using running = run(['/bin/sleep', '1000'], { TAKO_INSTANCE: 'demo-boot' });
  const earlier = { ...running.identity, bootId: '00000000-0000-0000-0000-000000000000' };
  expect(await stopLeftover({ identity: earlier, instanceId: 'demo-boot', runDir: null }, 0)).toEqual({
    kind: 'gone',
    killed: false,
  });
  expect(isAlive(running.identity)).toBe(true);
});
