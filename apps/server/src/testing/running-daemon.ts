// A whole daemon in this process for tests: real sockets, workers, SQLite and instances in a folder of its own, and
// the typed client on its management socket. For tests only.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Manifest } from '@tako/config';
import { connect } from '@tako/protocol/client';
import type { ManagementClient } from '@tako/protocol/client';
import type { RolloutEvent } from '@tako/protocol';
import { startDaemon } from '../daemon/daemon.ts';
import type { Daemon } from '../daemon/daemon-end.ts';
import { createLog } from '../log.ts';
import { parseCommandLine, resolveOptions } from '../options/options.ts';
import { testManifest } from './manifest.ts';
import { writeArchive } from './tar-archive.ts';

export interface RunningDaemon extends AsyncDisposable {
  readonly directory: string;
  readonly dataDir: string;
  readonly client: ManagementClient;
  readonly daemon: Daemon;
  readonly httpPort: number;
  readonly httpsPort: number;
  /** Takes the lock, runs, releases it; resolves to the events of the rollout. */
  locked(
    deploymentId: string,
    call: (token: string) => Promise<AsyncIterable<RolloutEvent>>,
  ): Promise<RolloutEvent[]>;
  prepare(app: TestApp): Promise<void>;
  deploy(app: TestApp): Promise<RolloutEvent[]>;
}

export interface TestApp {
  readonly id?: string;
  readonly version: string;
  readonly files: Readonly<Record<string, string>>;
  readonly manifest?: Partial<Record<keyof Manifest, unknown>>;
  readonly routes?: string[];
  readonly secrets?: Record<string, string>;
}

export interface DaemonChoice {
  readonly flags?: readonly string[];
  /** Reuses the folder of an earlier daemon: a boot after a stop or a crash. */
  readonly directory?: string;
  /** Leaves the folder for the next daemon. */
  readonly keep?: boolean;
}

const script = path.join(import.meta.dirname, '..', 'worker-main.ts');

function firstPort(addresses: readonly string[]): number {
  return Number(addresses[0]?.split(':').at(-1));
}

export async function runDaemon(choice: DaemonChoice = {}): Promise<RunningDaemon> {
  const directory = choice.directory ?? (await mkdtemp(path.join(tmpdir(), 'tako-daemon-')));
  await chmod(directory, 0o711);
  const dataDir = path.join(directory, 'data');
  const socketPath = path.join(directory, 'run', 'tako.sock');
  const own = [
    '--data-dir',
    dataDir,
    '--socket',
    socketPath,
    '--bind',
    '127.0.0.1',
    '--http-port',
    '0',
    '--https-port',
    '0',
  ];
  // Servers of other tests may run on this machine at the same time.
  const portBase = String(10_000 + Math.floor(Math.random() * 20_000));
  const common = [
    '--workers',
    '0',
    '--log-level',
    'error',
    '--drain-timeout',
    '5s',
    '--acme',
    'off',
    '--instance-port-base',
    portBase,
  ];
  const flags = [...common, ...(choice.flags ?? [])];
  const options = resolveOptions(parseCommandLine([...own, ...flags]), {}, {});
  const daemon = await startDaemon({
    options,
    environment: { PATH: '/usr/local/bin:/usr/bin:/bin' },
    version: '0.0.0-test',
    program: process.execPath,
    workerScript: script,
    log: createLog(options.logLevel),
  });
  const client = await connect({ socketPath, caller: 'test' });
  const info = await client.api.server_info.query(undefined);
  const running: RunningDaemon = {
    directory,
    dataDir,
    client,
    daemon,
    httpPort: firstPort(info.ports.http),
    httpsPort: firstPort(info.ports.https),
    locked: (id, call) => locked(client, id, call),
    prepare: (app) => prepare(client, directory, app),
    deploy: async (app) => {
      await prepare(client, directory, app);
      const { id = 'web', version, routes = [`${id.replace('@', '-')}.example.com`], secrets } = app;
      return locked(client, id, (token) =>
        client.api.deploy.mutate({
          deploymentId: id,
          token,
          version,
          routes,
          ...(secrets === undefined ? {} : { secrets }),
        }),
      );
    },
    [Symbol.asyncDispose]: async () => {
      client.close();
      await daemon.stop('test ended');
      if (choice.keep !== true) await rm(directory, { recursive: true, force: true });
    },
  };
  return running;
}

async function lock(client: ManagementClient, deploymentId: string): Promise<string> {
  const holder = { user: 'test', host: 'here', pid: process.pid, command: 'test' };
  return (await client.api.acquire_lock.mutate({ deploymentId, holder })).token;
}

async function locked(
  client: ManagementClient,
  deploymentId: string,
  call: (token: string) => Promise<AsyncIterable<RolloutEvent>>,
): Promise<RolloutEvent[]> {
  const token = await lock(client, deploymentId);
  try {
    return await Array.fromAsync(await call(token));
  } finally {
    await client.api.release_lock.mutate({ deploymentId, token });
  }
}

async function prepare(client: ManagementClient, directory: string, app: TestApp): Promise<void> {
  const { id = 'web', version } = app;
  const file = path.join(directory, `${version}.tar.gz`);
  await writeArchive(
    file,
    Object.entries(app.files).map(([name, body]) => ({ name, body })),
  );
  const bytes = await readFile(file);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  await client.uploadArtifact({
    sha256,
    sizeBytes: bytes.length,
    open: (start) => createReadStream(file, { start }),
  });
  const [name = id, env = 'production'] = id.split('@');
  const manifest = testManifest({ app: name, env, version, ...app.manifest });
  const token = await lock(client, id);
  try {
    await Array.fromAsync(
      await client.api.prepare_release.mutate({
        deploymentId: id,
        token,
        version,
        sha256,
        sizeBytes: bytes.length,
        manifest,
      }),
    );
  } finally {
    await client.api.release_lock.mutate({ deploymentId: id, token });
  }
}
