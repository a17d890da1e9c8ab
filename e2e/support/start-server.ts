// The real tako-server, in a directory of its own, on ports of its own, spoken to over the typed client. When it is
// disposed, it is checked that nothing is left of it: no process, no socket, no FIFO.
import { randomInt } from 'node:crypto';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { type ManagementClient, connect } from '@tako/protocol/client';
import { type CapturedProcess, type Exit, startCaptured } from './captured-process.ts';
import { type ProcessFacts, ended, processesOf, specialFiles } from './processes.ts';

const serverPath = path.resolve(import.meta.dirname, '../../bin/tako-server');
const START_TIMEOUT_MS = 30_000;
/** Above the drain time-out of 30 s and the grace of 10 s. */
const STOP_TIMEOUT_MS = 60_000;
/** Of the log, in an error. */
const LOG_TAIL_CHARACTERS = 6000;

export interface ServerOptions {
  /** Another build of the server. */
  readonly program?: string;
  /** Default 2. */
  readonly workers?: number | 'auto';
  /** Further flags; the log level stays info, since its ready line is waited for. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Default: a new temp directory, removed at the end. A given one stays. */
  readonly dir?: string;
  /** Default: free ports. */
  readonly httpPort?: number;
  readonly httpsPort?: number;
}

export interface RunningServer extends AsyncDisposable {
  readonly pid: number;
  readonly dir: string;
  readonly dataDir: string;
  readonly socketPath: string;
  readonly httpPort: number;
  readonly httpsPort: number;
  readonly client: ManagementClient;
  readonly process: CapturedProcess;
  /** Everything it has written. */
  log(): string;
  /** SIGTERM; resolves with its exit, rejects with its log when it does not end. */
  stop(): Promise<Exit>;
  /** SIGKILL of the control process only: workers and instances are on their own. */
  kill(): Promise<void>;
  /** After stop() or kill(): starts again on the same directory and ports. The new one then owns the directory. */
  restart(options?: Pick<ServerOptions, 'program' | 'workers' | 'args' | 'env'>): Promise<RunningServer>;
  /** Processes of this server: itself, workers, instances. */
  processes(): ProcessFacts[];
}

/** Resolves when the server says that it is ready, and answers `server_info`. */
export async function startServer(options: ServerOptions = {}): Promise<RunningServer> {
  return start(
    options,
    options.dir === undefined
      ? { dir: await makeDir(), isTemporary: true }
      : { dir: options.dir, isTemporary: false },
  );
}

interface Place {
  readonly dir: string;
  /** Removed when the last server there is disposed. */
  readonly isTemporary: boolean;
}

async function start(options: ServerOptions, place: Place): Promise<RunningServer> {
  const { dir } = place;
  const paths = { ...place, dataDir: path.join(dir, 'data'), socketPath: path.join(dir, 'run/tako.sock') };
  const server = await startCaptured(options.program ?? serverPath, flagsFor(options, paths), {
    cwd: dir,
    env: { ...environment(), ...options.env },
  });
  try {
    const client = await ready(server, paths.socketPath);
    return new TestServer(options, server, { ...paths, client });
  } catch (error) {
    server.child.kill('SIGKILL');
    await server.exited;
    // A start that failed late may have begun workers and instances.
    await endProcessesOf(dir);
    if (place.isTemporary) await fs.rm(dir, { recursive: true, force: true });
    throw new Error(`tako-server did not start: ${String(error)}\n${tail(server.output())}`, {
      cause: error,
    });
  }
}

/** Traversable, since instances run as other users. */
async function makeDir(): Promise<string> {
  const dir = await fs.mkdtemp(path.join(os.tmpdir(), 'tako-server-'));
  await fs.chmod(dir, 0o755);
  return dir;
}

interface ServerPaths extends Place {
  readonly dataDir: string;
  readonly socketPath: string;
}

function flagsFor(options: ServerOptions, { socketPath, dataDir }: ServerPaths): string[] {
  const flags = ['--socket', socketPath, '--data-dir', dataDir, '--bind', '127.0.0.1'];
  flags.push('--http-port', String(options.httpPort ?? 0), '--https-port', String(options.httpsPort ?? 0));
  flags.push('--workers', String(options.workers ?? 2), ...(options.args ?? []));
  if (!flags.includes('--instance-port-base')) flags.push('--instance-port-base', String(portBase()));
  return flags;
}

/** Ports of its own for the apps of each server, so that test runs side by side do not take one another's. */
const portBase = (): number => 3000 + 100 * randomInt(280);

/** Of the tests' own environment, what the server needs: where programs and the package registry are. */
function environment(): Record<string, string> {
  const names = [
    'PATH',
    'HOME',
    'TMPDIR',
    'NPM_CONFIG_REGISTRY',
    'npm_config_registry',
    'NODE_EXTRA_CA_CERTS',
    'TAKO_FROM_SOURCE',
  ];
  // The routes of tests are nobody's: no CA is asked for them unless a test says so.
  const acme = { TAKO_SERVER_ACME: 'off' };
  const passed = Object.fromEntries(
    names.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name] ?? '']])),
  );
  return { ...acme, ...passed };
}

/** The server answers `server_info` before its slow steps (spec 40), so its word that it is ready comes first. */
async function ready(server: CapturedProcess, socketPath: string): Promise<ManagementClient> {
  await server.printed(/"server became ready"/, START_TIMEOUT_MS);
  return connect({ socketPath, caller: 'e2e' });
}

class TestServer implements RunningServer {
  readonly process: CapturedProcess;
  readonly dir: string;
  readonly dataDir: string;
  readonly socketPath: string;
  readonly client: ManagementClient;
  readonly httpPort: number;
  readonly httpsPort: number;
  readonly #options: ServerOptions;
  readonly #isTemporary: boolean;
  /** Who cleans up: a restarted server takes the directory over. */
  #ownsDir = true;

  constructor(
    options: ServerOptions,
    process: CapturedProcess,
    of: ServerPaths & { readonly client: ManagementClient },
  ) {
    this.#options = options;
    this.process = process;
    this.dir = of.dir;
    this.#isTemporary = of.isTemporary;
    this.dataDir = of.dataDir;
    this.socketPath = of.socketPath;
    this.client = of.client;
    this.httpPort = portOf(of.client.server.ports.http);
    this.httpsPort = portOf(of.client.server.ports.https);
  }

  get pid(): number {
    return this.process.pid;
  }

  log(): string {
    return this.process.output();
  }

  async stop(): Promise<Exit> {
    this.client.close();
    this.process.child.kill('SIGTERM');
    const timer = setTimeout(() => this.process.child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    const exit = await this.process.exited;
    clearTimeout(timer);
    if (exit.code !== 0)
      throw new Error(`tako-server ended with ${JSON.stringify(exit)} after SIGTERM:\n${tail(this.log())}`);
    return exit;
  }

  async kill(): Promise<void> {
    this.client.close();
    this.process.child.kill('SIGKILL');
    await this.process.exited;
  }

  async restart(
    options: Pick<ServerOptions, 'program' | 'workers' | 'args' | 'env'> = {},
  ): Promise<RunningServer> {
    this.#ownsDir = false;
    const { httpPort, httpsPort, dir } = this;
    return start(
      { ...this.#options, ...options, httpPort, httpsPort },
      { dir, isTemporary: this.#isTemporary },
    );
  }

  processes(): ProcessFacts[] {
    return processesOf(this.dir);
  }

  /** Stops it if it still runs; then nothing may be left. What is left is ended, so that no later test meets it. */
  async [Symbol.asyncDispose](): Promise<void> {
    const isRunning = this.process.child.exitCode === null && this.process.child.signalCode === null;
    const problem = isRunning ? await this.stop().then(() => null, String) : null;
    if (!this.#ownsDir) return;
    const left = await this.#sweep();
    if (this.#isTemporary) await fs.rm(this.dir, { recursive: true, force: true });
    if (problem !== null || left.length > 0)
      throw new Error([problem, ...left].filter((line) => line !== null).join('\n'));
  }

  async #sweep(): Promise<string[]> {
    const files = specialFiles(this.dir);
    const processes = await endProcessesOf(this.dir);
    return [
      ...processes.map((facts) => `left by tako-server: process ${JSON.stringify(facts)}`),
      ...files.map((file) => `left by tako-server: ${file}`),
    ];
  }
}

/** The processes that worked there, which are gone now. */
async function endProcessesOf(dir: string): Promise<ProcessFacts[]> {
  const processes = processesOf(dir);
  for (const { pid } of processes) process.kill(pid, 'SIGKILL');
  await Promise.all(processes.map(({ pid }) => ended(pid, 5000)));
  return processes;
}

function tail(log: string): string {
  return log.length <= LOG_TAIL_CHARACTERS ? log : `… ${log.slice(-LOG_TAIL_CHARACTERS)}`;
}

/** `127.0.0.1:41234` and `[::1]:41234` → 41234. */
function portOf(addresses: readonly string[]): number {
  const port = Number(/:(\d+)$/.exec(addresses[0] ?? '')?.[1]);
  if (!Number.isInteger(port)) throw new Error(`server_info tells no port: ${JSON.stringify(addresses)}`);
  return port;
}
