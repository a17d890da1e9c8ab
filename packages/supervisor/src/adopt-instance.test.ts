import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { get } from 'node:http';
import { createInterface } from 'node:readline';
import { expect, test } from 'vitest';
import type { InstanceSpec } from './instance-spec.ts';
import type { Instance, ProcessIdentity } from './instance.types.ts';
import { isAlive } from './process-identity.ts';
import { findMembers } from './process-members.ts';
import { adoptInstance, type AdoptionRecord, startInstance } from './start-instance.ts';
import {
  daemonFixture,
  fixture,
  freePort,
  httpChoices,
  makeSpec,
  nodeProgram,
  program,
  Recorder,
  tempDir,
} from './testing.ts';

interface OtherDaemon {
  readonly record: AdoptionRecord;
  readonly lines: string[];
  /** As `kill -9` does; resolves when it is gone and all that it told was read. */
  kill(): Promise<void>;
}

/** A daemon in a process of its own, whose instance is up as far as `upTo`. */
async function startElsewhere(spec: InstanceSpec, upTo: 'spawned' | 'started'): Promise<OtherDaemon> {
  const args = ['--conditions=source', '--no-warnings', daemonFixture(), JSON.stringify(spec)];
  const daemon: ChildProcess = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines: string[] = [];
  const up = Promise.withResolvers<AdoptionRecord>();
  let identity: ProcessIdentity | null = null;
  if (daemon.stdout === null) throw new Error('no stdout');
  const reader = createInterface({ input: daemon.stdout });
  reader.on('line', (line) => {
    const told = JSON.parse(line);
    if (told.type === 'line') lines.push(told.text);
    if (told.type === 'spawned') identity = told.identity;
    if (identity !== null && told.type === upTo)
      up.resolve({ identity, port: told.port ?? null, startedAt: told.startedAt ?? 0 });
    if (told.type === 'started' && told.result.kind === 'failed') up.reject(new Error(line));
  });
  const record = await up.promise;
  const kill = async (): Promise<void> => {
    const ended = Promise.all([once(daemon, 'exit'), once(reader, 'close')]);
    daemon.kill('SIGKILL');
    await ended;
  };
  return { record, lines, kill };
}

function requestOnce(instance: Instance, path: string): void {
  get({ host: '127.0.0.1', port: instance.port ?? 0, path, agent: false })
    .on('error', () => undefined)
    .on('response', (response) => response.resume());
}

/** pipe(7), Pipe capacity. */
const pipeBytes = 65_536;

/** The app counts its lines, stream by stream. */
function numbersOf(stream: string, texts: readonly string[]): number[] {
  return texts.filter((text) => text.startsWith(stream)).map((text) => Number(text.slice(4)));
}

test('an app outlives the SIGKILL of its daemon; the next one adopts it and loses no line that the dead one had not read', async () => {
  await using directory = tempDir();
  const spec = makeSpec(directory.path, {
    argv: program('writes-forever.mjs'),
    ...httpChoices(await freePort()),
  });
  const first = await startElsewhere(spec, 'started');
  await first.kill();
  expect(isAlive(first.record.identity)).toBe(true);

  const recorder = new Recorder();
  const instance = adoptInstance(first.record, spec, recorder);
  try {
    expect(await instance.whenStarted).toEqual({ kind: 'healthy' });
    expect(instance.port).toBe(first.record.port);
    expect(instance.startedAt).toBe(first.record.startedAt);
    expect(recorder.states).toEqual(['ready', 'healthy']);
    await recorder.until('200 lines', ({ lines }) => lines.length > 200);
    for (const stream of ['out', 'err']) {
      const [before, after] = [first.lines, recorder.texts].map((texts) => numbersOf(stream, texts));
      // What the killed one had read and not yet told is lost with it, a pipe full at most: at the seam, nowhere else.
      const unseen = (after?.[0] ?? 0) - (before?.at(-1) ?? 0) - 1;
      expect(unseen).toBeGreaterThanOrEqual(0);
      expect(unseen * 'out 1\n'.length).toBeLessThan(pipeBytes);
      for (const numbers of [before, after])
        expect(numbers).toEqual(numbers?.map((_, index) => (numbers[0] ?? 0) + index));
    }
  } finally {
    const outcome = await instance.stop('done', 1_000);
    expect(outcome).toMatchObject({
      exitCode: null,
      signal: null,
      expected: true,
      reason: 'ended (its exit code is unknown)',
    });
  }
  expect(isAlive(first.record.identity)).toBe(false);
});

test('the exit of an adopted instance is noticed within 250 ms', async () => {
  await using directory = tempDir();
  const spec = makeSpec(directory.path, {
    argv: program('writes-forever.mjs'),
    ...httpChoices(await freePort()),
    probe: { ...httpChoices(0).probe, intervalMs: 60_000 },
  });
  const first = await startElsewhere(spec, 'started');
  await first.kill();
  const recorder = new Recorder();
  const instance = adoptInstance(first.record, spec, recorder);
  await instance.whenStarted;
  const killedAt = performance.now();
  process.kill(first.record.identity.pid, 'SIGKILL');
  await recorder.until('it is stopped', ({ states }) => states.at(-1) === 'stopped');
  expect(performance.now() - killedAt).toBeLessThan(250);
  expect(await instance.whenExited).toMatchObject({ exitCode: null, expected: false });
});

test('an instance adopted before it was ready becomes ready by the line that nobody had read yet', async () => {
  await using directory = tempDir();
  const spec = makeSpec(directory.path);
  const first = await startElsewhere(spec, 'spawned');
  await first.kill();
  const recorder = new Recorder();
  const instance = adoptInstance({ ...first.record, port: null }, spec, recorder);
  expect(await instance.whenStarted).toEqual({ kind: 'healthy' });
  requestOnce(instance, '/crash');
  expect(await instance.whenExited).toMatchObject({ exitCode: null, expected: false });
});

test('an instance that ended meanwhile is not adopted, and what it left is stopped', async () => {
  await using directory = tempDir();
  const spec = makeSpec(directory.path, {
    argv: [fixture('forks-children.sh'), 'exit'],
    readiness: { kind: 'sdk', timeoutMs: 60_000 },
  });
  const first = await startElsewhere(spec, 'spawned');
  // The daemon had begun to clean up; the child that is deaf to SIGTERM outlived it.
  await first.kill();
  await expect.poll(() => isAlive(first.record.identity)).toBe(false);
  const mark = {
    leader: first.record.identity,
    environmentEntry: `TAKO_INSTANCE=${spec.id}`,
    trustGroupNumber: false,
  };
  expect(findMembers(mark)).not.toEqual([]);
  const recorder = new Recorder();
  const instance = adoptInstance({ ...first.record, port: 1 }, { ...spec, stopGraceMs: 200 }, recorder);
  const result = await instance.whenStarted;
  expect(result).toMatchObject({
    kind: 'failed',
    failure: { phase: 'spawn', reason: expect.stringContaining('not running any more') },
  });
  expect(await instance.whenExited).toMatchObject({ expected: false });
  expect(findMembers(mark)).toEqual([]);
});

test('a detached instance is adopted in the same process, over and over, with not one line lost, split or told twice', async () => {
  await using directory = tempDir();
  // Half lines and half characters: 7 bytes at a time.
  const source = `
    let count = 0;
    const server = require('http').createServer((q, r) => r.end('ok'));
    server.listen(Number(process.env.PORT), '127.0.0.1');
    let bytes = Buffer.alloc(0);
    setInterval(() => {
      while (bytes.length < 70) bytes = Buffer.concat([bytes, Buffer.from('zählt 😀 ' + ++count + '\\n')]);
      require('fs').writeSync(1, bytes.subarray(0, 7));
      bytes = bytes.subarray(7);
    }, 1);
  `;
  const recorder = new Recorder();
  const choices = { argv: [nodeProgram(), '-e', source] as const, ...httpChoices(await freePort()) };
  const spec = makeSpec(directory.path, choices);
  let instance = startInstance(spec, recorder);
  await instance.whenStarted;
  const { identity, startedAt } = instance;
  const counted = (): number[] => recorder.texts.map((text) => Number(/^zählt 😀 (\d+)$/.exec(text)?.[1]));
  for (let round = 1; round <= 5; round += 1) {
    const lines = recorder.lines.length;
    await recorder.until(`lines in round ${round}`, (all) => all.lines.length > lines + 10);
    const before = recorder.events.length;
    const stable = instance.stable(60_000, new AbortController().signal);
    const partial = await instance.detach();
    expect(await stable).toMatchObject({ kind: 'failed' });
    expect(recorder.events.length).toBe(before);
    await expect(instance.stop('too late')).rejects.toThrow('was detached');
    expect(instance.state).toBe('healthy');
    if (identity === null) throw new Error('no identity');
    expect(isAlive(identity)).toBe(true);
    instance = adoptInstance({ identity, port: instance.port, startedAt, partial }, spec, recorder);
    expect(await instance.whenStarted).toEqual({ kind: 'healthy' });
  }
  await instance.stop('done', 500);
  const numbers = counted();
  // The last line may be cut off by the end of the app.
  expect(numbers.slice(0, -1)).toEqual(numbers.slice(0, -1).map((_, index) => index + 1));
  expect(numbers.length).toBeGreaterThan(50);
});

test('an instance detached while it starts is handed over, or was never spawned', async () => {
  await using directory = tempDir();
  const recorder = new Recorder();
  const early = startInstance(makeSpec(directory.path), recorder);
  expect(await early.detach()).toEqual({ stdout: '', stderr: '' });
  expect(early.identity).toBeNull();
  expect(await early.whenStarted).toMatchObject({ kind: 'failed' });
  expect(recorder.events).toEqual([]);

  const spec = makeSpec(directory.path);
  const starting = startInstance(spec, recorder);
  await recorder.until('it was spawned', ({ events }) => events.some(({ type }) => type === 'spawned'));
  const partial = await starting.detach();
  const { identity, startedAt } = starting;
  if (identity === null) throw new Error('no identity');
  const next = adoptInstance({ identity, port: null, startedAt, partial }, spec, recorder);
  expect(await next.whenStarted).toEqual({ kind: 'healthy' });
  expect(await next.stop('done')).toMatchObject({ expected: true });
});
