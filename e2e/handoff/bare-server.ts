// A server whose command line, environment and descriptors are all the test's own. Whichever daemon leads at the end is
// stopped, and nothing may be left of it.
import type { StdioOptions } from 'node:child_process';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { ServerIdentity } from '@tako/protocol';
import { type ManagementClient, connect } from '@tako/protocol/client';
import { type CapturedProcess, startCaptured } from '../support/captured-process.ts';
import { type ProcessFacts, ended, processesOf } from '../support/processes.ts';
import { eventually } from '../zero-loss/eventually.ts';

export const serverProgram = path.resolve(import.meta.dirname, '../../bin/tako-server');
export const patienceMs = 60_000;
const OUTPUT_SHOWN = 6000;

export interface BareStart {
  readonly command?: readonly [string, ...string[]];
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly stdio?: StdioOptions;
  /** Lines of server.toml. */
  readonly toml?: string;
}

export interface BareServer extends AsyncDisposable {
  readonly dir: string;
  readonly dataDir: string;
  readonly socketPath: string;
  readonly process: CapturedProcess;
  connect(): Promise<ManagementClient>;
  info(): Promise<ServerIdentity>;
  writeToml(text: string): Promise<void>;
  /** The same command on the same folder, after a kill. It then owns the folder. */
  startAgain(): Promise<BareServer>;
  /** Told to stop by the test: resolves when no process of it is left. */
  untilEnded(): Promise<void>;
  /** SIGHUP; resolves to the daemon that leads when the reload has ended, whichever that is. */
  reload(): Promise<ServerIdentity>;
}

class Bare implements BareServer {
  readonly dir: string;
  readonly dataDir: string;
  readonly socketPath: string;
  readonly process: CapturedProcess;
  readonly #start: BareStart;
  #owns = true;
  #ended = false;

  constructor(dir: string, started: CapturedProcess, start: BareStart) {
    this.#start = start;
    this.dir = dir;
    this.dataDir = path.join(dir, 'data');
    this.socketPath = path.join(dir, 'run/tako.sock');
    this.process = started;
  }

  connect(): Promise<ManagementClient> {
    return connect({ socketPath: this.socketPath, caller: 'e2e' });
  }

  async info(): Promise<ServerIdentity> {
    await using client = await this.connect();
    return client.server;
  }

  writeToml(text: string): Promise<void> {
    return fs.writeFile(path.join(this.dataDir, 'server.toml'), text);
  }

  async reload(): Promise<ServerIdentity> {
    const before = await this.info();
    process.kill(before.pid, 'SIGHUP');
    return eventually('the end of a reload', patienceMs, async () => {
      const now = await this.info();
      return now.lastReload !== null && now.lastReload.at !== before.lastReload?.at ? now : null;
    });
  }

  async startAgain(): Promise<BareServer> {
    this.#owns = false;
    const again = await launch(this.dir, this.#start);
    await again.process.printed(/"server became ready"/, patienceMs);
    return again;
  }

  async untilEnded(): Promise<void> {
    let left: readonly ProcessFacts[] = [];
    await eventually('the end of all its processes', patienceMs, () => {
      left = processesOf(this.dir);
      return left.length === 0 ? true : null;
    }).catch((cause: unknown) => {
      throw new Error(`left: ${JSON.stringify(left)}\n${this.process.output().slice(-OUTPUT_SHOWN)}`, {
        cause,
      });
    });
    this.#ended = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#owns) return;
    if (!this.#ended) {
      const { pid } = await this.info();
      process.kill(pid, 'SIGTERM');
      await ended(pid, patienceMs);
      await this.untilEnded();
    }
    await fs.rm(this.dir, { recursive: true });
  }
}

/** `{dir}` in the command and its arguments is the directory of the server. Resolves before it is ready. */
export async function startBare(start: BareStart = {}): Promise<BareServer> {
  const dir = await fs.mkdtemp(path.join(os.tmpdir(), 'tako-bare-'));
  await fs.chmod(dir, 0o755);
  await fs.mkdir(path.join(dir, 'data'), { mode: 0o711 });
  if (start.toml !== undefined) await fs.writeFile(path.join(dir, 'data/server.toml'), start.toml);
  return launch(dir, start);
}

async function launch(dir: string, start: BareStart): Promise<Bare> {
  const places = ['--socket', path.join(dir, 'run/tako.sock'), '--data-dir', path.join(dir, 'data')];
  const [program, ...given] = start.command ?? [serverProgram];
  const args = [...given, ...places, ...(start.args ?? [])].map((word) => word.replaceAll('{dir}', dir));
  const started = await startCaptured(program.replaceAll('{dir}', dir), args, {
    env: { PATH: process.env['PATH'] ?? '', TAKO_SERVER_ACME: 'off', ...start.env },
    ...(start.stdio === undefined ? {} : { stdio: start.stdio }),
  });
  return new Bare(dir, started, start);
}

export async function readyBare(start: BareStart = {}): Promise<BareServer> {
  const server = await startBare(start);
  await server.process.printed(/"server became ready"/, patienceMs);
  return server;
}
