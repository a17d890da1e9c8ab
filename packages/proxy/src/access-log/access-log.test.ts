import { execFileSync } from 'node:child_process';
import { mkdtemp, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { startApp } from '../conformance/test-app.ts';
import { ask, headOf, RawClient } from '../conformance/test-client.ts';
import { instanceAt, startPlane, testHost, until } from '../conformance/test-plane.ts';
import { LogSink } from './log-sink.ts';

const lane = { name: 'general lane', lanes: 'general' } as const;

async function makeDirectory(): Promise<AsyncDisposable & { file: (name: string) => string }> {
  const directory = await mkdtemp(path.join(tmpdir(), 'tako-access-log-'));
  return {
    file: (name) => path.join(directory, name),
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
  };
}

type Line = Readonly<Record<string, unknown>>;
const linesOf = async (file: string): Promise<Line[]> =>
  (await readFile(file, 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);

describe('the access log', () => {
  test('has a line for each request, with what happened to it', async () => {
    await using directory = await makeDirectory();
    const file = directory.file('access.log');
    await using app = await startApp((message, response) => {
      if (message.url !== '/hang') response.end('hello');
    });
    {
      await using plane = await startPlane(lane, {
        deployments: [{ instances: [instanceAt(app.port, 'one')] }],
        options: { accessLog: file },
      });
      await ask({ port: plane.port, path: '/a?b', headers: { 'x-request-id': 'mine' } });
      await ask({ port: plane.port, host: 'nobody.example.org' });
      using gone = await RawClient.open(plane.port);
      gone.send(headOf('GET /hang HTTP/1.1', `Host: ${testHost}`));
      await until(() => app.accepted === 2 || plane.plane.inspect().upstream.busy === 1);
      gone.socket.destroy();
      await until(() => plane.plane.inspect().requests.inFlight === 0);
      using broken = await RawClient.open(plane.port);
      broken.send('nonsense\r\n\r\n');
      await broken.ends();
    }
    const lines = await linesOf(file);
    expect(lines).toMatchObject([
      {
        requestId: 'mine',
        client: '127.0.0.1',
        method: 'GET',
        host: testHost,
        path: '/a?b',
        status: 200,
        bytesIn: 0,
        bytesOut: 5,
        deployment: 'app',
        instance: 'one',
        release: 'v1',
        lane: 'general',
        protocol: 'HTTP/1.1',
        failure: null,
      },
      { status: 404, deployment: null, failure: 'noRoute' },
      { status: 499, path: '/hang', failure: 'clientGone' },
      { status: 400, method: null, failure: 'malformed' },
    ]);
    for (const name of ['time', 'durationMs', 'upstreamMs', 'cache']) expect(lines[0]).toHaveProperty(name);
  });

  test('goes on in a new file after a rotation, without losing a line', async () => {
    await using directory = await makeDirectory();
    const file = directory.file('access.log');
    await using app = await startApp();
    {
      await using plane = await startPlane(lane, {
        deployments: [{ instances: [instanceAt(app.port)] }],
        options: { accessLog: file, limits: { accessLogFlushMs: 5 } },
      });
      await ask({ port: plane.port, path: '/1' });
      await untilFile(file);
      await rename(file, `${file}.1`);
      plane.plane.receive({ type: 'reopenAccessLog' });
      await ask({ port: plane.port, path: '/2' });
    }
    expect((await linesOf(`${file}.1`)).map((line) => line['path'])).toEqual(['/1']);
    expect((await linesOf(file)).map((line) => line['path'])).toEqual(['/2']);
  });
});

describe('a log sink', () => {
  test('takes lines up to its bound and counts those past it', async () => {
    await using directory = await makeDirectory();
    const file = directory.file('log');
    const sink = new LogSink({
      destination: { kind: 'file', path: file },
      bufferBytesMax: 30,
      failed: () => undefined,
    });
    for (let line = 0; line < 4; line += 1) sink.push(`line ${line}...\n`);
    expect(sink.dropped).toBe(1);
    await sink.close();
    expect(await readFile(file, 'utf8')).toBe('line 0...\nline 1...\nline 2...\n');
  });

  test('never waits for a reader that does not read', async () => {
    await using directory = await makeDirectory();
    const fifo = directory.file('fifo');
    execFileSync('mkfifo', [fifo]);
    const reader = await open(fifo, 'r+');
    const sink = new LogSink({
      destination: { kind: 'file', path: fifo },
      bufferBytesMax: 1_000,
      failed: () => undefined,
    });
    for (let turn = 0; turn < 300; turn += 1) {
      sink.push(`${'x'.repeat(900)}\n`);
      sink.flush();
    }
    expect(sink.dropped).toBeGreaterThan(200);
    // Let go of the write that stands: the pipe is read empty.
    let text = '';
    const closing = sink.close();
    while (!text.includes('\n') || text.split('\n').length - 1 < 300 - sink.dropped) {
      const { buffer, bytesRead } = await reader.read({ buffer: Buffer.alloc(65_536) });
      text += buffer.toString('utf8', 0, bytesRead);
    }
    await closing;
    await reader.close();
  });

  test('reports a file that cannot be opened and loses only lines', async () => {
    await using directory = await makeDirectory();
    const errors: string[] = [];
    const sink = new LogSink({
      destination: { kind: 'file', path: directory.file('no/such/place') },
      bufferBytesMax: 1_000,
      failed: (error) => errors.push(error.message),
    });
    sink.push('line\n');
    await sink.close();
    expect([sink.dropped, errors.length]).toEqual([1, 1]);
  });
});

/** The first batch was written. */
async function untilFile(file: string): Promise<void> {
  for (;;) {
    const size = await stat(file).then(
      (found) => found.size,
      () => 0,
    );
    if (size > 0) return;
  }
}
