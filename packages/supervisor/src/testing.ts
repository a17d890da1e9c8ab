// Resources of this package's tests: temp directories that an unprivileged user may enter, specs with quick timings,
// and a recorder of everything an instance tells. Not exported from the package.
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { InstanceSpec, RunAs } from './instance-spec.ts';
import type { Instance, InstanceEvent, InstanceHooks, OutputLine } from './instance.types.ts';
import { startInstance } from './start-instance.ts';

/** A made-up user: nothing on the machine belongs to it. */
export const appUser: RunAs | null = process.getuid?.() === 0 ? { uid: 64_001, gid: 64_001 } : null;

interface Staged {
  readonly fixtures: string;
  readonly node: string;
}

let staged: Staged | null = null;

/** Node and the fixtures where `appUser` may enter: a checkout may lie in a folder of its owner alone. */
function stage(): Staged {
  if (staged !== null) return staged;
  const directory = mkdtempSync(path.join(tmpdir(), 'tako-stage-'));
  chmodSync(directory, 0o755);
  process.on('exit', () => rmSync(directory, { recursive: true, force: true }));
  const node = path.join(directory, 'node');
  try {
    linkSync(process.execPath, node);
  } catch {
    // Another file system: a copy then.
    copyFileSync(process.execPath, node);
  }
  const fixtures = path.join(directory, 'fixtures');
  cpSync(path.resolve(import.meta.dirname, '../fixtures'), fixtures, { recursive: true });
  staged = { fixtures, node };
  return staged;
}

/** `fixtures/daemon.ts` with the sources that it runs: the workspace in small, entered by anybody. */
export function daemonFixture(): string {
  const root = path.join(path.dirname(stage().node), 'workspace');
  const main = path.join(root, 'packages/supervisor/fixtures/daemon.ts');
  if (existsSync(main)) return main;
  const repository = path.resolve(import.meta.dirname, '../../..');
  for (const name of [
    'supervisor/src',
    'supervisor/fixtures',
    'supervisor/package.json',
    'config/src',
    'config/package.json',
  ])
    cpSync(path.join(repository, 'packages', name), path.join(root, 'packages', name), { recursive: true });
  for (const name of ['zod', 'smol-toml'])
    cpSync(path.join(repository, 'node_modules', name), path.join(root, 'node_modules', name), {
      recursive: true,
    });
  mkdirSync(path.join(root, 'node_modules/@tako'));
  symlinkSync('../../packages/config', path.join(root, 'node_modules/@tako/config'));
  return main;
}

export const fixture = (name: string): string => path.join(stage().fixtures, name);

/** The Node of these tests, which `appUser` may run. */
export const nodeProgram = (): string => stage().node;

export function tempDir(): { readonly path: string } & AsyncDisposable {
  const directory = mkdtempSync(path.join(tmpdir(), 'tako-supervisor-'));
  chmodSync(directory, 0o755);
  return { path: directory, [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }) };
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  await new Promise((resolve) => {
    server.close(resolve);
  });
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

export interface SpecChoices extends Partial<Omit<InstanceSpec, 'probe'>> {
  readonly probe?: Partial<InstanceSpec['probe']>;
}

let counted = 0;

/** A node program when the fixture ends in .mjs, else executed as it is. */
export function program(name: string, ...args: string[]): readonly [string, ...string[]] {
  return name.endsWith('.mjs') ? [nodeProgram(), fixture(name), ...args] : [fixture(name), ...args];
}

export function makeSpec(directory: string, choices: SpecChoices = {}): InstanceSpec {
  counted += 1;
  const id = `demo-${process.pid.toString(16)}${counted.toString(16).padStart(4, '0')}`;
  const { probe, ...rest } = choices;
  const spec: InstanceSpec = {
    id,
    deploymentId: 'demo',
    version: 'v1',
    argv: program('sdk-like-ready.mjs'),
    cwd: directory,
    environment: { PATH: '/usr/bin:/bin', HOME: '/nonexistent', TAKO_INSTANCE: id, TAKO_APP: 'demo' },
    runAs: appUser,
    limits: {},
    readiness: { kind: 'sdk', timeoutMs: 10_000 },
    healthTimeoutMs: 5_000,
    probe: {
      protocol: 'http1',
      path: '/status',
      hostHeader: 'tako-internal',
      token: 'token-of-this-instance',
      startIntervalMs: 20,
      intervalMs: 50,
      timeoutMs: 2_000,
      unhealthyAfter: 1,
      deadAfter: 5,
    },
    payload: { v: 1, token: 'token-of-this-instance', secrets: { DATABASE_URL: 'postgres://secret' } },
    runDir: path.join(directory, 'instances', id),
    stopGraceMs: 5_000,
    ...rest,
  };
  return { ...spec, probe: { ...spec.probe, ...probe } };
}

/** Readiness by HTTP on that port, with the probe of an app without the SDK. */
export function httpChoices(port: number, timeoutMs = 10_000): SpecChoices {
  return {
    readiness: { kind: 'http', port, timeoutMs },
    probe: { path: '/', hostHeader: 'demo.example', token: null },
  };
}

/** Everything an instance told, and a wait for what it will tell. */
export class Recorder implements InstanceHooks {
  readonly events: InstanceEvent[] = [];
  readonly lines: OutputLine[] = [];
  readonly #waits = new Set<() => void>();

  readonly onEvent = (event: InstanceEvent): void => {
    this.events.push(event);
    for (const look of this.#waits) look();
  };
  readonly onOutput = (line: OutputLine): void => {
    this.lines.push(line);
    for (const look of this.#waits) look();
  };

  get texts(): string[] {
    return this.lines.map(({ text }) => text);
  }
  get states(): string[] {
    return this.events.filter((event) => event.type === 'stateChanged').map((event) => event.to);
  }

  /** Resolves when the condition holds after some event or line; says all that was received when it never does. */
  until(what: string, holds: (recorder: this) => boolean, deadlineMs = 10_000): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        if (!holds(this)) return;
        clearTimeout(timer);
        this.#waits.delete(look);
        resolve();
      };
      const timer = setTimeout(() => {
        this.#waits.delete(look);
        reject(
          new Error(
            `never: ${what}; states ${this.states.join(' ')}; last lines ${JSON.stringify(this.texts.slice(-20))}`,
          ),
        );
      }, deadlineMs);
      this.#waits.add(look);
      look();
    });
  }
}

export interface RunningInstance extends AsyncDisposable {
  readonly instance: Instance;
  readonly recorder: Recorder;
}

/** Starts it; stopped with the scope. */
export function start(directory: string, choices: SpecChoices = {}): RunningInstance {
  const recorder = new Recorder();
  const instance = startInstance(makeSpec(directory, choices), recorder);
  return {
    instance,
    recorder,
    [Symbol.asyncDispose]: async () => {
      await instance.stop('the test ended', 0);
    },
  };
}
