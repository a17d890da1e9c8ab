// A real app process for tests, started the way tako-server does: clean environment, own group, fd 3. It knows
// the contract of spec 60 and nothing of the SDK's code.
import { execFileSync, spawn, type ChildProcess, type StdioOptions } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';

export type RuntimeName = 'node' | 'bun';

/**
 * What fd 3 is: a socket (Node's pipes), a FIFO, a FIFO whose write end stays open, one that is O_NONBLOCK and stays
 * empty, a regular file, absent.
 */
export type Fd3 = 'socket' | 'fifo' | 'held-fifo' | 'silent-fifo' | 'file' | 'none';

export interface AppOptions {
  readonly runtime: RuntimeName;
  /** File name in `fixtures/`. */
  readonly main: string;
  /** Start through `@tako/sdk/run` (the default) or directly. */
  readonly runner?: boolean;
  readonly managed?: boolean;
  readonly fd3?: Fd3;
  readonly payload?: string;
  readonly env?: Readonly<Record<string, string>>;
}

export interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

export interface AppProcess extends AsyncDisposable {
  readonly child: ChildProcess;
  readonly pid: number;
  output(): string;
  errors(): string;
  /** The port of the one READY line; rejects, with all output, when the process ends before. */
  ready(): Promise<number>;
  /** Resolves when `text` has been written to stdout. */
  printed(text: string): Promise<void>;
  /** Exit code and signal. */
  exited(): Promise<{ readonly code: number | null; readonly signal: string | null }>;
  request(target: string, options?: http.RequestOptions & { readonly content?: string }): Promise<Answer>;
}

export const TOKEN = 'a-token-of-32-characters-0123456';
export const PAYLOAD = JSON.stringify({
  v: 1,
  token: TOKEN,
  secrets: { DATABASE_URL: 'postgres://plain-secret' },
});

const packageRoot = path.resolve(import.meta.dirname, '../..');
const binaries = path.resolve(packageRoot, '../../node_modules/.bin');

export function startApp(options: AppOptions): AppProcess {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'tako-sdk-'));
  const fd3 = openFd3(options.fd3 ?? 'socket', dir, options.payload ?? PAYLOAD);
  const main = path.join(packageRoot, 'fixtures', options.main);
  const runner = options.runner === false ? [] : [path.join(packageRoot, 'src/run.ts')];
  const managed =
    options.managed === false
      ? {}
      : {
          TAKO_INSTANCE: 'shop-1',
          TAKO_APP: 'shop',
          TAKO_ENV: 'production',
          TAKO_VERSION: 'v7',
          HOST: '127.0.0.1',
        };
  const child = spawn(path.join(binaries, options.runtime), [...runner, main], {
    cwd: path.dirname(main),
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', ...fd3.stdio] as StdioOptions,
    env: { PATH: process.env['PATH'] ?? '', PORT: '0', ...managed, ...options.env },
  });
  fd3.given(child);
  return watch(child, dir);
}

interface GivenFd3 {
  readonly stdio: readonly (number | 'pipe' | 'ignore')[];
  given(child: ChildProcess): void;
}

function openFd3(kind: Fd3, dir: string, payload: string): GivenFd3 {
  if (kind === 'none') return { stdio: [], given: () => undefined };
  if (kind === 'socket') {
    return {
      stdio: ['pipe'],
      given: (child) => {
        const stream = child.stdio[3] as NodeJS.WritableStream;
        // EPIPE: the app closed fd 3 before everything was written, which some tests want.
        stream.on('error', () => undefined);
        stream.end(payload);
      },
    };
  }
  const file = path.join(dir, 'fd3');
  if (kind === 'file') fs.writeFileSync(file, payload);
  else execFileSync('mkfifo', [file]);
  const flags = kind === 'silent-fifo' ? fs.constants.O_RDWR | fs.constants.O_NONBLOCK : fs.constants.O_RDWR;
  const fd = fs.openSync(file, flags);
  if (kind === 'fifo' || kind === 'held-fifo') fs.writeSync(fd, payload);
  if (kind === 'held-fifo' || kind === 'silent-fifo')
    return { stdio: [fd], given: (child) => child.once('close', () => fs.closeSync(fd)) };
  return { stdio: [fd], given: () => fs.closeSync(fd) };
}

function watch(child: ChildProcess, dir: string): AppProcess {
  const text = { stdout: '', stderr: '' };
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => (text.stdout += chunk));
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => (text.stderr += chunk));
  const closed = once(child, 'close');
  const seen = async (find: () => boolean, what: string): Promise<void> => {
    while (!find()) {
      const ended = await Promise.race([
        closed.then(() => true),
        once(child.stdout ?? child, 'data').then(() => false),
      ]);
      if (ended && !find())
        throw new Error(`the app ended without ${what}; stdout: ${text.stdout}\nstderr: ${text.stderr}`);
    }
  };
  const port = (): number => Number(/^TAKO:READY:(\d+)$/m.exec(text.stdout)?.[1] ?? Number.NaN);
  const app: AppProcess = {
    child,
    pid: child.pid ?? -1,
    output: () => text.stdout,
    errors: () => text.stderr,
    ready: async () => {
      await seen(() => !Number.isNaN(port()), 'saying readiness');
      return port();
    },
    printed: (wanted) => seen(() => text.stdout.includes(wanted), `printing "${wanted}"`),
    exited: async () => {
      await closed;
      return { code: child.exitCode, signal: child.signalCode };
    },
    request: async (target, options = {}) =>
      request({ host: '127.0.0.1', port: await app.ready(), path: target, ...options }),
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL');
      await closed;
      fs.rmSync(dir, { recursive: true });
    },
  };
  return app;
}

export function request(options: http.RequestOptions & { readonly content?: string }): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = http.request({ agent: false, ...options }, (incoming) => {
      let body = '';
      incoming.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
      incoming.on('end', () =>
        resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body }),
      );
      incoming.on('error', reject);
    });
    outgoing.on('error', reject);
    outgoing.end(options.content);
  });
}
