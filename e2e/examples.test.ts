// The examples without Tako: installed as their lockfiles say, started as instances are, asked what they show.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import path from 'node:path';
import { expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { createExampleProject } from './support/example-project.ts';

const binaries = path.resolve(import.meta.dirname, '../node_modules/.bin');
const environment = {
  PATH: `${binaries}:${process.env['PATH'] ?? ''}`,
  HOME: process.env['HOME'] ?? '',
  HOST: '127.0.0.1',
};

interface RunningApp extends AsyncDisposable {
  readonly url: string;
  readonly child: ChildProcess;
}

/** Starts `command` outside Tako on a free port and waits until it accepts connections. */
async function start(command: readonly [string, ...string[]], cwd: string): Promise<RunningApp> {
  const port = await freePort();
  const [file, ...args] = command;
  const child = spawn(path.join(binaries, file), args, {
    cwd,
    stdio: 'pipe',
    env: { ...environment, PORT: String(port), TAKO_VERSION: 'v1' },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  const closed = once(child, 'close');
  while (!/listening/i.test(output)) {
    const winner = await Promise.race([once(child.stdout, 'data'), closed.then(() => 'closed')]);
    if (winner === 'closed') throw new Error(`the app ended: ${output}`);
  }
  return {
    url: `http://127.0.0.1:${port}`,
    child,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL');
      await closed;
    },
  };
}

async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

const npm = (cwd: string, ...args: string[]): string =>
  execFileSync('npm', args, {
    cwd,
    env: { ...process.env, ...environment },
    encoding: 'utf8',
    stdio: 'pipe',
  });

async function stopsOnSigterm(app: RunningApp): Promise<void> {
  app.child.kill('SIGTERM');
  await once(app.child, 'close');
  expect([app.child.exitCode, app.child.signalCode]).toEqual([0, null]);
}

test('sdk-fetch shows its page, its API and its slow endpoint', async () => {
  await using project = await createExampleProject('sdk-fetch');
  npm(project.appDir, 'ci', '--omit=dev', '--offline');
  await using app = await start(
    ['node', 'node_modules/@tako/sdk/dist/run.js', 'src/main.ts'],
    project.appDir,
  );
  expect(await (await fetch(app.url)).text()).toContain('Hello from Tako');
  expect(await (await fetch(`${app.url}/api/hello?name=<b>`)).json()).toMatchObject({
    hello: '<b>',
    version: 'v1',
  });
  const slow = await fetch(`${app.url}/api/slow?ms=30`);
  expect(slow.headers.get('x-app-version')).toBe('v1');
  expect(await slow.json()).toEqual({ waitedMs: 30, version: 'v1' });
  expect((await fetch(`${app.url}/none`)).status).toBe(404);
});

test('bun-app counts in SQLite and echoes on its WebSocket', async () => {
  await using project = await createExampleProject('bun-app');
  execFileSync(path.join(binaries, 'bun'), ['install', '--production', '--frozen-lockfile'], {
    cwd: project.appDir,
    env: environment,
    stdio: 'pipe',
  });
  await using app = await start(['bun', 'node_modules/@tako/sdk/dist/run.js', 'index.ts'], project.appDir);
  await fetch(app.url);
  expect(await (await fetch(app.url)).json()).toMatchObject({ visits: 2, version: 'v1' });
  expect(await echo(`${app.url}/ws`)).toBe('hello');
});

test('node-http answers and stops', async () => {
  await using project = await createExampleProject('node-http');
  await using app = await start(['node', 'server.js'], project.appDir);
  expect(await (await fetch(`${app.url}/healthz`)).text()).toBe('ok\n');
  expect(await (await fetch(app.url)).text()).toContain('version v1');
  await stopsOnSigterm(app);
});

test('realtime echoes, tells the time, and ends both properly', async () => {
  await using project = await createExampleProject('realtime');
  npm(project.appDir, 'ci', '--omit=dev', '--prefer-offline');
  await using app = await start(['node', 'server.js'], project.appDir);
  expect(await echo(`${app.url}/ws`)).toBe('hello');
  const socket = new WebSocket(`${app.url}/ws`);
  await once(socket, 'open');
  const stream = await fetch(`${app.url}/events`);
  const closed = once(socket, 'close');
  await Promise.all([stopsOnSigterm(app), expect(stream.text()).resolves.toMatch(/^data: \{"version":"v1"/)]);
  expect((await closed)[0]).toBe(1001);
});

test('monorepo builds its assets and serves the page of both packages', async () => {
  await using project = await createExampleProject('monorepo');
  npm(project.dir, 'ci', '--offline');
  npm(project.appDir, 'run', 'build');
  await using app = await start(['node', 'src/server.ts'], project.appDir);
  const page = await (await fetch(app.url)).text();
  const stylesheet = /href="(\/assets\/styles\.[0-9a-f]{12}\.css)"/.exec(page)?.[1] ?? '';
  expect(page).toContain('run in web');
  expect(await (await fetch(app.url + stylesheet)).text()).toMatch(/max-width[^]*rebeccapurple/);
  await stopsOnSigterm(app);
});

async function echo(url: string): Promise<string> {
  const socket = new WebSocket(url);
  await once(socket, 'open');
  socket.send('hello');
  const [message] = (await once(socket, 'message')) as [Buffer];
  socket.close();
  return message.toString();
}
