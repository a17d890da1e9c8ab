import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { expect, test } from 'vitest';
import { program, freePort, httpChoices, start, type RunningInstance, tempDir } from './testing.ts';

function call(run: RunningInstance, path: string): void {
  const request = get({ host: '127.0.0.1', port: run.instance.port ?? 0, path, agent: false });
  request.on('error', () => undefined);
  request.on('response', (response) => response.resume());
}

async function answered(run: RunningInstance, path: string): Promise<void> {
  const request = get({ host: '127.0.0.1', port: run.instance.port ?? 0, path, agent: false });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  response.resume();
  await once(response, 'close');
}

test('an app that hangs leaves rotation at the first failure and is killed at the fifth, as an unexpected exit', async () => {
  await using directory = tempDir();
  await using run = start(directory.path, { probe: { timeoutMs: 60, intervalMs: 20 } });
  await run.instance.whenStarted;
  call(run, '/hang');
  const outcome = await run.instance.whenExited;
  expect(outcome).toMatchObject({ signal: 'SIGKILL', expected: false });
  expect(outcome.reason).toMatch(
    /^was killed: 5 probes in a row failed, the last: .* no answer within 60 ms$/,
  );
  expect(run.recorder.states).toEqual(['ready', 'healthy', 'unhealthy', 'draining', 'stopped']);
  const failed = run.recorder.events
    .filter((event) => event.type === 'probed')
    .filter(({ result }) => !result.ok);
  const last = failed.slice(-5).map(({ failuresInARow, timeoutsOnly }) => [failuresInARow, timeoutsOnly]);
  expect(last).toEqual([1, 2, 3, 4, 5].map((count) => [count, true]));
});

test('one success brings it back, and the count starts over', async () => {
  await using directory = tempDir();
  const port = await freePort();
  await using run = start(directory.path, { argv: program('told-status.mjs'), ...httpChoices(port) });
  expect(await run.instance.whenStarted).toEqual({ kind: 'healthy' });
  const streaks = (): number[] =>
    run.recorder.events.flatMap((event) => (event.type === 'probed' ? [event.failuresInARow] : []));
  for (const round of [1, 2]) {
    call(run, '/become/503');
    await run.recorder.until(`three failures, round ${round}`, () => streaks().at(-1) === 3);
    expect(run.instance.state).toBe('unhealthy');
    call(run, '/become/200');
    await run.recorder.until(`healthy again, round ${round}`, () => run.instance.state === 'healthy');
  }
  expect(run.instance.lastProbe?.ok).toBe(true);
  expect(run.recorder.states).toEqual(['ready', 'healthy', 'unhealthy', 'healthy', 'unhealthy', 'healthy']);
});

test('a suspicion is a probe at once, many are one, and out of rotation they count for nothing', async () => {
  await using directory = tempDir();
  const port = await freePort();
  const choices = httpChoices(port);
  await using run = start(directory.path, {
    argv: program('told-status.mjs'),
    ...choices,
    probe: { ...choices.probe, intervalMs: 60_000 },
  });
  await run.instance.whenStarted;
  const probes = (): number => run.recorder.events.filter((event) => event.type === 'probed').length;
  const before = probes();
  await answered(run, '/become/500');
  for (let count = 0; count < 1_000; count += 1) run.instance.suspect('refused');
  await run.recorder.until('out of rotation', () => run.instance.state === 'unhealthy');
  for (let count = 0; count < 1_000; count += 1) run.instance.suspect('refused');
  expect(probes() - before).toBeLessThanOrEqual(2);
  const failures = run.recorder.events.filter((event) => event.type === 'probed').at(-1)?.failuresInARow;
  expect(failures).toBe(1);
});

test('stable for a while is told, and leaving health within it is a failure with the evidence', async () => {
  await using directory = tempDir();
  const signal = new AbortController().signal;
  await using run = start(directory.path);
  await run.instance.whenStarted;
  expect(await run.instance.stable(100, signal)).toEqual({ kind: 'healthy' });
  const unstable = run.instance.stable(10_000, signal);
  call(run, '/crash');
  const result = await unstable;
  expect(result).toMatchObject({
    kind: 'failed',
    failure: {
      phase: 'stability',
      reason: 'did not stay up: it exited with code 7',
      outcome: { exitCode: 7, expected: false },
    },
  });
  expect(await run.instance.stable(10_000, signal)).toMatchObject({ kind: 'failed' });
});

test('a stability window can be called off, and ends with a stop', async () => {
  await using directory = tempDir();
  await using run = start(directory.path);
  await run.instance.whenStarted;
  const off = new AbortController();
  const calledOff = run.instance.stable(10_000, off.signal);
  off.abort();
  expect(await calledOff).toMatchObject({ failure: { reason: expect.stringContaining('called off') } });
  const stopped = run.instance.stable(10_000, new AbortController().signal);
  void run.instance.stop('the rollout was reverted');
  expect(await stopped).toMatchObject({
    failure: { reason: 'was stopped while its stability was awaited: the rollout was reverted' },
  });
});

test('a single failed probe within the window makes it unstable', async () => {
  await using directory = tempDir();
  await using run = start(directory.path, { probe: { timeoutMs: 60, intervalMs: 20, deadAfter: 100 } });
  await run.instance.whenStarted;
  const unstable = run.instance.stable(10_000, new AbortController().signal);
  call(run, '/hang');
  expect(await unstable).toMatchObject({
    failure: { phase: 'stability', outcome: null, probe: { error: { kind: 'timeout' } } },
  });
});

test('once retired it is not probed any more, and its exit is still noticed', async () => {
  await using directory = tempDir();
  await using run = start(directory.path, { probe: { intervalMs: 10 } });
  await run.instance.whenStarted;
  run.instance.retire('replaced');
  expect(run.instance.state).toBe('draining');
  const probes = run.recorder.events.filter(({ type }) => type === 'probed').length;
  call(run, '/crash');
  expect(await run.instance.whenExited).toMatchObject({ exitCode: 7, expected: false });
  expect(run.recorder.events.filter(({ type }) => type === 'probed').length).toBe(probes);
  run.instance.retire('again');
  expect(run.recorder.states).toEqual(['ready', 'healthy', 'draining', 'stopped']);
});

test('memory over the limit ends it, saying how much it was', async () => {
  await using directory = tempDir();
  await using run = start(directory.path, {
    argv: program('eats-memory.mjs'),
    limits: { memoryBytes: 200 * 1024 * 1024 },
  });
  const outcome = await run.instance.whenExited;
  expect(outcome).toMatchObject({
    expected: false,
    reason: expect.stringMatching(/^was killed: it used \d+ MiB of memory, its limit is 200 MiB$/),
  });
  expect(run.recorder.states).toEqual(['draining', 'stopped']);
});

test('its memory is that of all its processes', async () => {
  await using directory = tempDir();
  await using run = start(directory.path);
  await run.instance.whenStarted;
  const bytes = await run.instance.memoryBytes();
  expect(bytes).toBeGreaterThan(20 * 1024 * 1024);
  await run.instance.stop('done');
  expect(await run.instance.memoryBytes()).toBeNull();
});
