import { once } from 'node:events';
import http from 'node:http';
import { expect, test } from 'vitest';
import type { StartFailure } from './instance.types.ts';
import { fixture, freePort, httpChoices, program, type RunningInstance, start, tempDir } from './testing.ts';

async function failureOf({ instance }: RunningInstance): Promise<StartFailure> {
  const result = await instance.whenStarted;
  if (result.kind !== 'failed') throw new Error('the start succeeded');
  return result.failure;
}

test('an app that exits at once fails with its code and its last lines of both streams', async () => {
  await using directory = tempDir();
  await using run = start(directory.path, { argv: [fixture('exits-at-once.sh')] });
  const failure = await failureOf(run);
  expect(failure).toMatchObject({
    phase: 'readiness',
    reason: 'exited with code 3 before it was ready',
    probe: null,
    listening: null,
  });
  expect(failure.outcome).toMatchObject({ exitCode: 3, signal: null, expected: false });
  expect(failure.lastLines.toSorted()).toEqual(['no database configured', 'starting up']);
  expect(await run.instance.whenExited).toEqual(failure.outcome);
  expect(run.recorder.states).toEqual(['stopped']);
});

test('an app that never gets ready fails at the time-out and is stopped', async () => {
  await using directory = tempDir();
  await using run = start(directory.path, {
    argv: program('never-ready.mjs'),
    readiness: { kind: 'sdk', timeoutMs: 600 },
  });
  expect(await failureOf(run)).toMatchObject({
    phase: 'readiness',
    reason: 'did not write the line TAKO:READY:<port> to stdout within 0.6 s',
    outcome: null,
    lastLines: ['still loading'],
  });
  expect(await run.instance.whenExited).toMatchObject({ signal: 'SIGTERM', expected: true });
});

test('an app that listens elsewhere is told where', async () => {
  await using directory = tempDir();
  const port = await freePort();
  await using run = start(directory.path, {
    argv: program('listens-elsewhere.mjs'),
    ...httpChoices(port, 4_000),
  });
  const failure = await failureOf(run);
  const elsewhere = /:(\d+)$/.exec(failure.lastLines[0] ?? '')?.[1];
  expect(failure).toMatchObject({
    phase: 'readiness',
    listening: `127.0.0.1:${elsewhere}, expected $PORT = ${port} on 127.0.0.1`,
  });
  expect(failure.reason).toContain(`did not answer on $PORT = ${port} within 4 s`);
  expect(failure.probe).toMatchObject({ ok: false, status: null, error: { kind: 'refused' } });
});

test('an answer of another process on the port is not taken for the app’s', async () => {
  await using directory = tempDir();
  // Answers each probe with 200, as another app would that was there first.
  const other = http.createServer((_request, response) => response.end('ok')).listen(0, '127.0.0.1');
  await once(other, 'listening');
  const address = other.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  await using run = start(directory.path, {
    argv: program('listens-elsewhere.mjs'),
    ...httpChoices(port, 1_000),
  });
  expect(await failureOf(run)).toMatchObject({
    phase: 'readiness',
    reason: `did not listen on $PORT = ${port} within 1 s: another process listens there`,
    probe: null,
  });
  expect(run.recorder.states).not.toContain('ready');
  other.close();
});

test('an app with the SDK that listens but never says ready is told so', async () => {
  await using directory = tempDir();
  await using run = start(directory.path, {
    argv: program('listens-elsewhere.mjs'),
    readiness: { kind: 'sdk', timeoutMs: 4_000 },
  });
  expect((await failureOf(run)).listening).toMatch(
    /^127\.0\.0\.1:\d+, but the line TAKO:READY:<port> never came$/,
  );
});

test.each([
  {
    what: 'redirects',
    argv: program('redirects.mjs'),
    answer: { status: 302, error: { kind: 'redirect' } },
    message: 'answered 302 to /login; redirects are not followed',
  },
  {
    what: 'answers 500',
    argv: program('http-app.mjs', '500'),
    answer: { status: 500, error: { kind: 'status' } },
    message: 'answered 500; a probe needs 2xx',
  },
])('an app that $what is ready but not healthy, with what it answered', async ({ argv, answer, message }) => {
  await using directory = tempDir();
  const port = await freePort();
  await using run = start(directory.path, { argv, ...httpChoices(port), healthTimeoutMs: 300 });
  const failure = await failureOf(run);
  expect(failure).toMatchObject({ phase: 'health', probe: answer, listening: null });
  expect(failure.reason).toContain('was ready but not healthy within 0.3 s');
  expect(failure.reason).toContain(`GET http://127.0.0.1:${port}/ (Host: demo.example): ${message}`);
  expect(run.recorder.states.slice(0, 1)).toEqual(['ready']);
});

test('an app that accepts and never answers fails as not answering', async () => {
  await using directory = tempDir();
  const choices = httpChoices(await freePort(), 4_000);
  await using run = start(directory.path, {
    argv: program('hangs-probe.mjs', 'head'),
    ...choices,
    probe: { ...choices.probe, timeoutMs: 100 },
  });
  expect(await failureOf(run)).toMatchObject({
    phase: 'readiness',
    probe: { status: null, error: { kind: 'timeout' } },
  });
});

test('a body that never ends does not matter', async () => {
  await using directory = tempDir();
  await using run = start(directory.path, {
    argv: program('hangs-probe.mjs', 'body'),
    ...httpChoices(await freePort()),
  });
  expect(await run.instance.whenStarted).toEqual({ kind: 'healthy' });
  expect(run.instance.lastProbe?.firstBytes).toMatch(/^firstx*$/);
});

test('another program behind the announced port is not taken for the app', async () => {
  await using directory = tempDir();
  await using run = start(directory.path, {
    healthTimeoutMs: 300,
    probe: { token: 'the token that was meant' },
  });
  const failure = await failureOf(run);
  expect(failure).toMatchObject({ phase: 'health', probe: { status: 403, error: { kind: 'status' } } });
  await using other = start(directory.path, {
    healthTimeoutMs: 300,
    probe: { path: '/', hostHeader: 'demo.example' },
  });
  expect(await failureOf(other)).toMatchObject({
    phase: 'health',
    probe: { status: 200, error: { kind: 'token' } },
  });
});

test('a program that does not exist, or may not be executed, is a failure to spawn', async () => {
  await using directory = tempDir();
  await using missing = start(directory.path, { argv: ['/nonexistent/app'] });
  const failure = await failureOf(missing);
  expect(failure).toMatchObject({ phase: 'spawn', outcome: { exitCode: 127 } });
  expect(failure.lastLines.at(-1)).toContain('/nonexistent/app');
  await using refused = start(directory.path, { argv: ['/etc/passwd'] });
  expect(await failureOf(refused)).toMatchObject({ phase: 'spawn', outcome: { exitCode: 126 } });
});

test('a directory that does not exist is named', async () => {
  await using directory = tempDir();
  await using run = start(directory.path, { cwd: `${directory.path}/gone` });
  expect(await failureOf(run)).toMatchObject({
    phase: 'spawn',
    reason: `could not be started: the directory ${directory.path}/gone does not exist`,
  });
  expect(await run.instance.whenExited).toMatchObject({ exitCode: null, signal: null, expected: false });
  expect(run.recorder.events.map(({ type }) => type)).toEqual(['stateChanged', 'exited']);
});

test('an instance never runs as root', async () => {
  await using directory = tempDir();
  await using run = start(directory.path, { runAs: { uid: 0, gid: 0 } });
  expect(await failureOf(run)).toMatchObject({
    phase: 'spawn',
    reason: expect.stringContaining('never runs as root'),
  });
});

test('a FIFO directory that cannot be made is a failure, not a crash', async () => {
  await using directory = tempDir();
  await using run = start(directory.path, { runDir: '/etc/passwd/instance' });
  expect(await failureOf(run)).toMatchObject({
    phase: 'spawn',
    reason: expect.stringContaining('could not be started'),
  });
});

test('a stop before, during and after the spawn ends the start with that reason', async () => {
  await using directory = tempDir();
  await using early = start(directory.path, { argv: program('never-ready.mjs') });
  expect(await early.instance.stop('changed my mind')).toMatchObject({ exitCode: null, expected: true });
  expect(await failureOf(early)).toMatchObject({
    phase: 'spawn',
    reason: 'was stopped before it was started: changed my mind',
  });
  expect(early.recorder.states).toEqual(['draining', 'stopped']);

  await using later = start(directory.path, { argv: program('never-ready.mjs') });
  await later.recorder.until('it runs', ({ events }) => events.some(({ type }) => type === 'spawned'));
  const stopped = later.instance.stop('changed my mind', 0);
  expect(await failureOf(later)).toMatchObject({
    phase: 'readiness',
    reason: 'was stopped while it started: changed my mind',
  });
  expect(await stopped).toMatchObject({ expected: true });
});
