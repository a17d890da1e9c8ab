// A recogniser that sends the world to the slow lane is no fast lane: real clients, with cookies, bodies and chunked
// uploads, must show `lane: fast` in the access log.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { startApp, type TestApp } from '../../conformance/test-app.ts';
import { instanceAt, startPlane, testHost, until, type TestPlane } from '../../conformance/test-plane.ts';

interface Logged {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly lane: string;
}

interface Stage extends AsyncDisposable {
  readonly app: TestApp;
  readonly plane: TestPlane;
  readonly dir: string;
  readonly url: string;
  /** The lines of the access log once there are so many. */
  readonly logged: (count: number) => Promise<Logged[]>;
}

async function startStage(): Promise<Stage> {
  const dir = await mkdtemp(path.join(os.tmpdir(), 'tako-clients-'));
  const file = path.join(dir, 'access.log');
  const app = await startApp();
  const plane = await startPlane(
    { name: 'fast', lanes: 'all' },
    {
      deployments: [{ routes: [testHost, '127.0.0.1'], instances: [instanceAt(app.port)] }],
      options: { accessLog: file, limits: { accessLogFlushMs: 5 } },
    },
  );
  const read = async (): Promise<Logged[]> => {
    const text = await readFile(file, 'utf8').catch(() => '');
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Logged);
  };
  return {
    app,
    plane,
    dir,
    url: `http://127.0.0.1:${plane.port}`,
    logged: async (count) => {
      let lines: Logged[] = [];
      while (lines.length < count) {
        lines = await read();
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      return lines;
    },
    [Symbol.asyncDispose]: async () => {
      await plane[Symbol.asyncDispose]();
      await app[Symbol.asyncDispose]();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

const has = (program: string): boolean => spawnSync('which', [program]).status === 0;
/** Where everything must run, a missing program is a failure. */
const needs = (program: string): boolean => has(program) || process.env['TAKO_TEST_ALL'] === '1';

function run(command: string, args: readonly string[], input = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    let said = '';
    child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
    child.once('error', reject);
    child.once('exit', (code) =>
      code === 0 ? resolve(said) : reject(new Error(`${command} ended with ${code}: ${said}`)),
    );
    child.stdin.end(input);
  });
}

/** What the three requests of every client must have been to the app. */
function expectSeen(app: TestApp, chunkedBody: string): void {
  const get = app.seen.find(({ method, url }) => method === 'GET' && url === '/page?q=1');
  expect(get?.headers.cookie).toBe('session=abc');
  const posts = app.seen.filter(({ method }) => method === 'POST' || method === 'PUT');
  expect(posts.map(({ body }) => body)).toContain('name=value');
  const chunked = posts.find(({ headers }) => headers['transfer-encoding'] === 'chunked');
  expect(chunked?.body).toBe(chunkedBody);
}

const allFast = (lines: readonly Logged[]): void => {
  for (const line of lines) expect(line).toMatchObject({ lane: 'fast', status: 200 });
};

describe('the fast lane serves', () => {
  test.runIf(needs('curl'))('curl', async () => {
    await using stage = await startStage();
    const { url } = stage;
    await run('curl', ['-sf', '--cookie', 'session=abc', `${url}/page?q=1`, `${url}/again`]);
    await run('curl', ['-sf', '-d', 'name=value', `${url}/form`]);
    // With its own `Expect: 100-continue` an upload of unknown length is the general lane's.
    await run('curl', ['-sf', '-H', 'Expect:', '-T', '-', `${url}/upload`], 'streamed upload');
    const lines = await stage.logged(4);
    allFast(lines);
    expectSeen(stage.app, 'streamed upload');
  });

  test.runIf(needs('python3'))('Python’s http.client', async () => {
    await using stage = await startStage();
    const script = `
import http.client, sys
connection = http.client.HTTPConnection('127.0.0.1', ${stage.plane.port})
def ask(*args, **fields):
    connection.request(*args, **fields)
    response = connection.getresponse()
    response.read()
    assert response.status == 200, response.status
ask('GET', '/page?q=1', headers={'Cookie': 'session=abc'})
ask('POST', '/form', body='name=value', headers={'Content-Type': 'application/x-www-form-urlencoded'})
ask('PUT', '/upload', body=iter([b'one ', b'two']), encode_chunked=True)
`;
    await run('python3', ['-'], script);
    allFast(await stage.logged(3));
    expectSeen(stage.app, 'one two');
  });

  test('undici (fetch), streaming a body', async () => {
    await using stage = await startStage();
    const { url } = stage;
    const ask = async (target: string, init: RequestInit & { duplex?: 'half' }): Promise<void> => {
      const response = await fetch(url + target, init);
      expect(response.status).toBe(200);
      await response.text();
    };
    await ask('/page?q=1', { headers: { cookie: 'session=abc' } });
    await ask('/form', { method: 'POST', body: new URLSearchParams({ name: 'value' }) });
    const chunks = ['one ', 'two'].map((text) => new TextEncoder().encode(text));
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        const chunk = chunks.shift();
        if (chunk === undefined) controller.close();
        else controller.enqueue(chunk);
      },
    });
    await ask('/upload', { method: 'PUT', body, duplex: 'half' });
    allFast(await stage.logged(3));
    expectSeen(stage.app, 'one two');
  });

  test.runIf(needs('wrk'))('wrk', async () => {
    await using stage = await startStage();
    await run('wrk', ['-t1', '-c4', '-d1s', '-H', 'Cookie: session=abc', `${stage.url}/page?q=1`]);
    const lines = await stage.logged(100);
    expect(lines.filter(({ lane }) => lane !== 'fast')).toEqual([]);
  });

  test.runIf(needs('chromium'))(
    'Chromium: a page that reads, posts and sets cookies',
    { timeout: 60_000 },
    async () => {
      await using stage = await startStage();
      const page = `<!doctype html><title>wait</title><script>
      (async () => {
        document.cookie = 'session=abc';
        await (await fetch('/page?q=1')).text();
        await (await fetch('/form', { method: 'POST', body: 'name=value' })).text();
        document.title = 'done';
      })();
    </script>`;
      stage.app.server.removeAllListeners('request');
      const paths: string[] = [];
      let cookie = '';
      stage.app.server.on('request', (message: TestRequest, response: TestResponse) => {
        paths.push(`${message.method} ${message.url}`);
        if (message.url === '/page?q=1') cookie = message.headers.cookie ?? '';
        response.setHeader('Content-Type', 'text/html');
        message.resume();
        message.on('end', () => response.end(message.url === '/' ? page : 'ok'));
      });
      const profile = path.join(stage.dir, 'profile');
      await run('chromium', [
        '--headless',
        '--no-sandbox',
        '--disable-gpu',
        '--virtual-time-budget=10000',
        '--dump-dom',
        `--user-data-dir=${profile}`,
        `--host-resolver-rules=MAP ${testHost} 127.0.0.1`,
        `http://${testHost}:${stage.plane.port}/`,
      ]);
      await until(() => paths.includes('POST /form'));
      const lines = await stage.logged(3);
      allFast(lines);
      expect(paths).toEqual(expect.arrayContaining(['GET /', 'GET /page?q=1', 'POST /form']));
      expect(cookie).toBe('session=abc');
    },
  );
});

interface TestRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: { readonly cookie?: string };
  readonly resume: () => void;
  readonly on: (event: 'end', listener: () => void) => void;
}

interface TestResponse {
  readonly setHeader: (name: string, value: string) => void;
  readonly end: (body: string) => void;
}
