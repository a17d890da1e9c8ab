import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { closeInheritedDescriptors } from './inherited-descriptors.ts';
import { fixture, httpChoices, freePort, program, start, tempDir } from './testing.ts';

closeInheritedDescriptors(new Set());

test('a flood of 300 MiB is read in bounded memory, dropped with a count, and the app is never blocked', async () => {
  await using directory = tempDir();
  const mebibytes = 300;
  const before = process.memoryUsage().rss;
  let peak = 0;
  const watch = setInterval(() => (peak = Math.max(peak, process.memoryUsage().rss)), 20);
  await using run = start(directory.path, {
    argv: program('floods.mjs', String(mebibytes)),
    readiness: { kind: 'sdk', timeoutMs: 60_000 },
  });
  const outcome = await run.instance.whenExited;
  clearInterval(watch);
  expect(outcome).toMatchObject({ exitCode: 0 });
  const { lines } = run.recorder;
  const kept = lines.filter(({ text }) => text.startsWith('x')).length;
  const dropped = lines.flatMap(({ stream, text }) => (stream === 'tako' ? [Number.parseInt(text, 10)] : []));
  const total = Math.ceil((mebibytes * 1024 * 1024) / 65_500) * 655;
  expect(kept + dropped.reduce((sum, count) => sum + count, 0)).toBe(total);
  expect(dropped.length).toBeGreaterThan(0);
  expect(lines.at(-1)?.text).toBe('done');
  // The recorder itself keeps every kept line: at most some seconds of 20 MB.
  expect(peak - before - kept * 400).toBeLessThan(200 * 1024 * 1024);
}, 60_000);

test('the FIFOs are the daemon’s, may be opened again by the app, and never break under it', async () => {
  await using directory = tempDir();
  const script = 'echo "again" > /dev/stderr; echo "and again" > /dev/stdout; echo ready; exec sleep 1000';
  await using run = start(directory.path, { argv: ['/bin/sh', '-c', script] });
  await run.recorder.until('it wrote', ({ texts }) => texts.length === 3);
  expect(run.recorder.lines.map(({ stream, text }) => `${stream} ${text}`).toSorted()).toEqual([
    'stderr again',
    'stdout and again',
    'stdout ready',
  ]);
  const { runDir } = run.instance.spec;
  expect(statSync(runDir).mode & 0o777).toBe(0o700);
  for (const stream of ['stdout', 'stderr']) {
    const stat = statSync(path.join(runDir, stream));
    expect([stat.isFIFO(), stat.mode & 0o777]).toEqual([true, 0o622]);
  }
});

test('fd 3 carries one document and then ends, also when it is larger than a pipe', async () => {
  await using directory = tempDir();
  for (const bytes of [10, 150_000]) {
    const payload = { v: 1, token: 't', secrets: { KEY: 's'.repeat(bytes) } } as const;
    await using run = start(directory.path, { argv: [fixture('echoes-fd3.sh')], payload });
    await run.instance.whenExited;
    expect(run.recorder.texts.at(-1)).toBe('end of fd 3');
    expect(JSON.parse(run.recorder.texts.slice(0, -1).join(''))).toEqual(payload);
  }
});

test('an app that never reads fd 3, or closes it, loses nothing but the document', async () => {
  await using directory = tempDir();
  const payload = { v: 1, token: 't', secrets: { KEY: 's'.repeat(1_000_000) } } as const;
  await using closes = start(directory.path, { argv: [fixture('closes-fd3.sh')], payload });
  await closes.recorder.until('it goes on', ({ texts }) => texts.includes('closed fd 3'));
  expect(closes.instance.state).toBe('starting');
  await using ignores = start(directory.path, {
    argv: program('http-app.mjs'),
    payload,
    ...httpChoices(await freePort()),
  });
  expect(await ignores.instance.whenStarted).toEqual({ kind: 'healthy' });
  expect(await ignores.instance.stop('enough')).toMatchObject({ expected: true });
});

test('output held open by a process that escaped does not hold up the end for more than a second', async () => {
  await using directory = tempDir();
  // Clears its environment too, so that nothing but a cgroup could find it.
  const script = 'setsid env -i /bin/sh -c "echo escaped \\$\\$; exec sleep 30" & sleep 0.2; echo leaving';
  await using run = start(directory.path, { argv: ['/bin/sh', '-c', script] });
  await run.recorder.until('it escaped', ({ texts }) => texts.some((text) => text.startsWith('escaped')));
  const pid = Number(run.recorder.texts.find((text) => text.startsWith('escaped'))?.slice(8));
  await run.recorder.until('its leader ended', ({ states }) => states.at(-1) === 'stopped');
  const endedAt = performance.now();
  await run.instance.whenExited;
  expect(performance.now() - endedAt).toBeLessThan(1_500);
  expect(run.recorder.texts).toContain('leaving');
  process.kill(pid, 'SIGKILL');
});

test('a hundred starts and stops leave no descriptor, timer or directory behind', async () => {
  await using directory = tempDir();
  const cycle = async (count: number): Promise<void> => {
    await using run = start(directory.path, {
      argv: [fixture(count % 2 === 0 ? 'sleeps.sh' : 'exits-at-once.sh')],
    });
    await run.recorder.until('it wrote', ({ texts }) => texts.length > 0);
  };
  const held = (): readonly string[] => [
    ...readdirSync('/proc/self/fd').map(() => 'descriptor'),
    ...process.getActiveResourcesInfo().filter((name) => !name.startsWith('FSReq')),
  ];
  for (let count = 0; count < 5; count += 1) await cycle(count);
  for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
  const before = held();
  for (let count = 0; count < 100; count += 1) await cycle(count);
  const leftBehind = (): readonly string[] => {
    const known = [...before];
    return held().filter((name) => {
      const index = known.indexOf(name);
      if (index >= 0) known.splice(index, 1);
      return index < 0;
    });
  };
  // Handles are closed in a later turn of the event loop, and the test runner has timers of its own; what a hundred
  // cycles leave is there for good.
  const deadline = performance.now() + 5_000;
  while (leftBehind().length > 0 && performance.now() < deadline) await new Promise(setImmediate);
  expect(leftBehind()).toEqual([]);
  expect(readdirSync(path.join(directory.path, 'instances'))).toEqual([]);
}, 60_000);
