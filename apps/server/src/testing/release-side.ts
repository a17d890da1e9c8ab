// The release side of a daemon for tests: real store, artifacts, runtimes and releases in a directory of their own.
import { createHash } from 'node:crypto';
import { chmod, mkdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import type { PrepareEvent } from '@tako/protocol';
import { type Store, openStore } from '@tako/store';
import { ArtifactStore } from '../artifacts/artifact-store.ts';
import { type PrepareRequest, ReleasePreparer } from '../releases/release-preparer.ts';
import { ReleaseStore } from '../releases/release-store.ts';
import { RuntimeStore } from '../runtimes/runtime-store.ts';
import { testRunAs } from './app-user.ts';
import { testManifest } from './manifest.ts';
import { type RecordedLine, recordingLog } from './silent-log.ts';
import { type ArchiveEntry, writeArchive } from './tar-archive.ts';
import { testNode } from './test-node.ts';
import { temporaryDirectory } from './temporary-directory.ts';

export interface TestReleaseSide {
  readonly dataDir: string;
  readonly store: Store;
  readonly artifacts: ArtifactStore;
  readonly runtimes: RuntimeStore;
  readonly releases: ReleaseStore;
  readonly preparer: ReleasePreparer;
  readonly lines: RecordedLine[];
  readonly inUse: Set<string>;
  readonly clock: { now: number };
}

export interface TestReleaseSideSpec {
  readonly dataDir: string;
  readonly registry?: string;
}

export async function openTestReleaseSide({
  dataDir,
  registry,
}: TestReleaseSideSpec): Promise<TestReleaseSide> {
  await mkdir(dataDir, { recursive: true });
  await chmod(dataDir, 0o711);
  const { log, lines } = recordingLog();
  const clock = { now: Date.UTC(2026, 5, 1) };
  const nowMs = (): number => clock.now;
  const inUse = new Set<string>();
  const store = openStore({ file: path.join(dataDir, 'runtime-state.sqlite3') });
  const artifacts = new ArtifactStore({ dir: path.join(dataDir, 'artifacts'), nowMs });
  await artifacts.open();
  const environment = {
    PATH: process.env['PATH'] ?? '',
    ...(registry === undefined ? {} : { NPM_CONFIG_REGISTRY: registry }),
  };
  const runtimes = new RuntimeStore({
    dataDir,
    nodePath: await testNode(),
    environment,
    nowMs,
    log,
  });
  const releases = new ReleaseStore({
    dataDir,
    store,
    nowMs,
    log,
    runAs: () => testRunAs,
    inUse: () => inUse,
    artifacts,
  });
  const preparer = new ReleasePreparer({ dataDir, store, artifacts, runtimes, nowMs, log });
  return { dataDir, store, artifacts, runtimes, releases, preparer, lines, inUse, clock };
}

export async function temporaryReleaseSide(registry?: string) {
  const directory = await temporaryDirectory();
  await chmod(directory.path, 0o711);
  const dataDir = path.join(directory.path, 'data');
  const side = await openTestReleaseSide(registry === undefined ? { dataDir } : { dataDir, registry });
  return {
    ...side,
    scratch: directory.path,
    async [Symbol.asyncDispose]() {
      side.store.close();
      await directory[Symbol.asyncDispose]();
    },
  };
}

/** Packs and "uploads" an artifact; what is left is to ask for the release. */
export async function uploadRelease(
  side: Pick<TestReleaseSide, 'artifacts' | 'dataDir'>,
  entries: readonly ArchiveEntry[],
  change: Parameters<typeof testManifest>[0] = {},
): Promise<PrepareRequest> {
  const manifest = testManifest(change);
  const file = path.join(side.dataDir, '..', `upload-${manifest.version}.tgz`);
  await writeArchive(file, entries);
  const bytes = await readFile(file);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const sizeBytes = (await stat(file)).size;
  async function* body() {
    yield bytes;
  }
  await side.artifacts.receive(sha256, { offsetBytes: 0, sizeBytes }, body(), {
    caller: 'test',
    signal: new AbortController().signal,
  });
  return { deploymentId: manifest.app, version: manifest.version, sha256, sizeBytes, manifest };
}

export async function eventsOf(events: AsyncIterable<PrepareEvent>): Promise<PrepareEvent[]> {
  const list: PrepareEvent[] = [];
  for await (const event of events) list.push(event);
  return list;
}
