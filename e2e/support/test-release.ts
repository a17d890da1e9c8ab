// Releases made of a few files, deployed through the typed client as a script would: for tests that are about the
// server. The command line has tests of its own.
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { createGzip } from 'node:zlib';
import { type Manifest, parseManifest } from '@tako/config';
import type { RolloutEvent } from '@tako/protocol';
import { type ManagementClient, withLock } from '@tako/protocol/client';
import { type Header, pack } from 'tar-stream';

const behaviours = path.resolve(import.meta.dirname, '../fixtures/behaviours');

export interface ArchiveEntry extends Partial<Header> {
  readonly name: string;
  readonly body?: string | Buffer;
}

export interface Artifact {
  readonly bytes: Buffer;
  readonly sha256: string;
}

export interface TestRelease {
  /** Deployment id; default `web`. */
  readonly id?: string;
  readonly version: string;
  /** A file of e2e/fixtures/behaviours, without `.js`; default `plain`. */
  readonly behaviour?: string;
  readonly manifest?: Partial<Record<keyof Manifest, unknown>>;
  /** Default: `<name>.example.com`, `<name>-<env>.example.com` outside production. */
  readonly routes?: string[];
  readonly secrets?: Record<string, string>;
}

/** Short times, so that tests wait for what they test only. */
export const quickRollout = {
  ready_timeout_s: 15,
  health_timeout_s: 15,
  stable_s: 0.1,
  drain_timeout_s: 5,
  stop_grace_s: 3,
};

/** Equal entries make equal bytes. */
export async function packArchive(entries: Iterable<ArchiveEntry>): Promise<Artifact> {
  const tar = pack();
  const packed = buffer(tar.pipe(createGzip({ level: 1 })));
  for (const { body, ...header } of entries) {
    const entry = Promise.withResolvers<void>();
    tar.entry({ mode: 0o644, mtime: new Date(0), ...header }, body ?? '', (error) =>
      error ? entry.reject(error) : entry.resolve(),
    );
    await entry.promise;
  }
  tar.finalize();
  return artifactOf(await packed);
}

export function artifactOf(bytes: Buffer): Artifact {
  return { bytes, sha256: createHash('sha256').update(bytes).digest('hex') };
}

export function behaviourEntries(behaviour: string): ArchiveEntry[] {
  return [
    { name: 'index.js', body: fs.readFileSync(path.join(behaviours, `${behaviour}.js`)) },
    { name: 'package.json', body: '{"type":"module"}' },
  ];
}

export const behaviourArchive = (behaviour: string): Promise<Artifact> =>
  packArchive(behaviourEntries(behaviour));

export function testManifest({ id = 'web', version, manifest }: TestRelease): Manifest {
  const [app = id, env = 'production'] = id.split('@');
  return parseManifest({
    schema: 1,
    app,
    env,
    version,
    runtime: 'node',
    runtime_version: null,
    main: 'index.js',
    start: ['node', 'index.js'],
    readiness: 'http',
    health_path: '/who',
    env_vars: {},
    secret_names: [],
    secrets_expose: 'fd3',
    idle_timeout_s: 300,
    instances: 1,
    processes: [],
    release_command: null,
    health: { interval_s: 1, timeout_s: 2, unhealthy_after: 1, dead_after: 5 },
    rollout: quickRollout,
    limits: { body_bytes: 134_217_728, memory: null, cpu: null, pids: null, requests_per_ip: 2048 },
    cache: { enabled: true },
    https_redirect: false,
    hsts: false,
    upstream_protocol: 'http1',
    affinity: 'off',
    stream_idle_s: 0,
    app_dir: '.',
    install_dir: '.',
    package_manager: null,
    commit: null,
    commit_message: null,
    dirty: false,
    built_at: '2026-01-01T00:00:00.000Z',
    ...manifest,
  });
}

export function lockOf(deploymentId: string) {
  return { deploymentId, holder: { user: 'e2e', host: 'here', pid: process.pid, command: 'e2e' } };
}

export async function uploadArchive(client: ManagementClient, { bytes, sha256 }: Artifact): Promise<void> {
  await client.uploadArtifact({
    sha256,
    sizeBytes: bytes.length,
    open: (start) => Readable.from([bytes.subarray(start)], { objectMode: false }),
  });
}

/** The events up to and with `prepared`. `onEvent` may kill whom it likes. */
export async function prepareRelease(
  client: ManagementClient,
  release: TestRelease & { readonly archive?: Artifact },
): Promise<void> {
  const { id = 'web', version } = release;
  const archive = release.archive ?? (await behaviourArchive(release.behaviour ?? 'plain'));
  await uploadArchive(client, archive);
  const { sha256, bytes } = archive;
  const input = {
    deploymentId: id,
    version,
    sha256,
    sizeBytes: bytes.length,
    manifest: testManifest(release),
  };
  await withLock(client, lockOf(id), async ({ token }) => {
    for await (const event of await client.api.prepare_release.mutate({ ...input, token }))
      if (event.type === 'prepared') return;
    throw new Error(`the preparation of ${id} ${version} ended without a word`);
  });
}

/** Prepares and rolls out; resolves to the events of the rollout. */
export async function deployRelease(
  client: ManagementClient,
  release: TestRelease & { readonly archive?: Artifact },
): Promise<RolloutEvent[]> {
  await prepareRelease(client, release);
  return rollOut(client, release);
}

export function rollOut(
  client: ManagementClient,
  release: TestRelease,
  onEvent: (event: RolloutEvent) => void | Promise<void> = () => undefined,
): Promise<RolloutEvent[]> {
  const { id = 'web', version, secrets } = release;
  const routes = release.routes ?? [hostOf(id)];
  return withLock(client, lockOf(id), async ({ token }) => {
    const events: RolloutEvent[] = [];
    const input = { deploymentId: id, token, version, routes, ...(secrets === undefined ? {} : { secrets }) };
    for await (const event of await client.api.deploy.mutate(input)) {
      events.push(event);
      await onEvent(event);
    }
    return events;
  });
}

/** As `deployRelease`, and it must end in `deployed`. */
export async function deployed(
  client: ManagementClient,
  release: TestRelease & { readonly archive?: Artifact },
): Promise<void> {
  const end = (await deployRelease(client, release)).at(-1);
  if (end?.type !== 'deployed')
    throw new Error(`${release.id ?? 'web'} ${release.version} was not deployed: ${JSON.stringify(end)}`);
}

export const hostOf = (id: string): string => `${id.replace('@', '-')}.example.com`;
