import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { Recorder } from './testing.ts';
import { fixture, nodeProgram, program, start, tempDir } from './testing.ts';

function childPids({ texts }: Recorder): number[] {
  return texts.flatMap((text) => (text.startsWith('child ') ? [Number(text.slice(6))] : []));
}

/** Alive as far as anybody can tell: a zombie is dead. */
function lives(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

test('an app that ignores SIGTERM is killed when its grace is over', async () => {
  await using directory = tempDir();
  await using run = start(directory.path, { argv: [fixture('ignores-sigterm.sh')] });
  await run.recorder.until('it is ready', ({ states }) => states.includes('ready'));
  const startedAt = performance.now();
  const outcome = await run.instance.stop('enough', 400);
  expect(performance.now() - startedAt).toBeGreaterThanOrEqual(390);
  expect(performance.now() - startedAt).toBeLessThan(2_000);
  expect(outcome).toMatchObject({ exitCode: null, signal: 'SIGKILL', expected: true });
  expect(run.recorder.texts).toContain('ignored SIGTERM');
});

test('stopping is idempotent, sends one SIGTERM, and the shorter grace wins', async () => {
  await using directory = tempDir();
  await using run = start(directory.path, { argv: [fixture('ignores-sigterm.sh')] });
  await run.recorder.until('it is ready', ({ states }) => states.includes('ready'));
  const startedAt = performance.now();
  const first = run.instance.stop('first', 60_000);
  await run.recorder.until('it was told', ({ texts }) => texts.includes('ignored SIGTERM'));
  const second = run.instance.stop('second', 100);
  const third = run.instance.stop('third', 50_000);
  const outcomes = await Promise.all([first, second, third]);
  expect(performance.now() - startedAt).toBeLessThan(3_000);
  expect(new Set(outcomes).size).toBe(1);
  expect(run.recorder.texts.filter((text) => text === 'ignored SIGTERM')).toHaveLength(1);
  expect(await run.instance.stop('after the end')).toBe(outcomes[0]);
  expect(run.recorder.events.filter(({ type }) => type === 'exited')).toHaveLength(1);
});

test('all that an app forked goes with it: in its group, deaf to SIGTERM, or in a session of its own', async () => {
  await using directory = tempDir();
  await using run = start(directory.path, { argv: [fixture('forks-children.sh')] });
  await run.recorder.until('three children', (recorder) => childPids(recorder).length === 3);
  const children = childPids(run.recorder);
  expect(children.map(lives)).toEqual([true, true, true]);
  await run.instance.stop('enough', 300);
  expect(children.map(lives)).toEqual([false, false, false]);
});

test('children of an app that died by itself are cleaned up too', async () => {
  await using directory = tempDir();
  await using run = start(directory.path, { argv: [fixture('forks-children.sh'), 'exit'] });
  const outcome = await run.instance.whenExited;
  expect(outcome).toMatchObject({ exitCode: 4, expected: false });
  const children = childPids(run.recorder);
  expect(children).toHaveLength(3);
  expect(children.map(lives)).toEqual([false, false, false]);
  // Out of rotation at once, not only when the last child was gone.
  const stoppedAt = run.recorder.events.findIndex(
    (event) => event.type === 'stateChanged' && event.to === 'stopped',
  );
  expect(run.recorder.events.length - 1).toBeGreaterThan(stoppedAt);
});

test('a server below a shell that dies at once still gets its grace, and its output is read to the end', async () => {
  await using directory = tempDir();
  await using run = start(directory.path, { argv: [fixture('shell-leader.sh'), nodeProgram()] });
  await run.recorder.until('the server runs', (recorder) => childPids(recorder).length === 1);
  expect(await run.instance.stop('enough', 5_000)).toMatchObject({ expected: true });
  expect(run.recorder.texts.slice(-2)).toEqual(['finishing', 'finished']);
});

test('the run directory is removed, unless somebody else left something in it', async () => {
  await using directory = tempDir();
  await using run = start(directory.path, { argv: program('never-ready.mjs') });
  await run.recorder.until('it runs', ({ texts }) => texts.length > 0);
  await run.instance.stop('enough', 0);
  expect(existsSync(run.instance.spec.runDir)).toBe(false);
});
