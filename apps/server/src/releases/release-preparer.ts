// prepare_release: artifact → extracted beside → runtime and dependencies → synced, marked, renamed → row. Whatever
// ends it leaves the release whole or nothing that anybody would take for one.
import { randomBytes } from 'node:crypto';
import { chmod, chown, mkdir, rename } from 'node:fs/promises';
import path from 'node:path';
import { type Manifest, TakoError, manifestDigest } from '@tako/config';
import type { PrepareEvent, PreparePhase } from '@tako/protocol';
import type { ReleaseRecord, Store } from '@tako/store';
import type { RunAs } from '@tako/supervisor';
import type { ArtifactStore } from '../artifacts/artifact-store.ts';
import { diskFull, isDiskFull } from '../files/disk-full.ts';
import { syncDirectory } from '../files/durable-file.ts';
import type { Log } from '../log.ts';
import { runHelper } from '../programs/run-helper.ts';
import type { RuntimeStore } from '../runtimes/runtime-store.ts';
import { type AppLayout, createAppLayout } from './app-layout.ts';
import { extractArchive } from './archive.ts';
import { assertLayout, handToApp, isDirectory, takeBack, writeManifest } from './half-made-release.ts';
import { installDependencies } from './install.ts';
import { releaseLimits } from './limits.ts';
import { type ReleaseMarker, readMarker, writeMarker } from './release-marker.ts';
import { removeTree } from './remove-tree.ts';

export interface ReleasePreparerDeps {
  readonly dataDir: string;
  readonly store: Pick<Store, 'releases'>;
  readonly artifacts: Pick<ArtifactStore, 'verified'>;
  readonly runtimes: RuntimeStore;
  readonly nowMs: () => number;
  readonly log: Log;
}

export interface PrepareRequest {
  readonly deploymentId: string;
  readonly version: string;
  readonly sha256: string;
  readonly sizeBytes: number;
  readonly manifest: Manifest;
}

export interface PrepareContext {
  readonly runAs: RunAs | null;
  readonly signal: AbortSignal;
}

/** Tool → version. */
type Tools = Record<string, string>;

export class ReleasePreparer {
  readonly #deps: ReleasePreparerDeps;
  readonly #layout: AppLayout;
  /** By deployment and version: a second call waits for the first and then finds the release. */
  readonly #preparing = new Map<string, Promise<void>>();

  constructor(deps: ReleasePreparerDeps) {
    this.#deps = deps;
    this.#layout = createAppLayout(deps.dataDir);
  }

  /**
   * Throws RELEASE_DIFFERS, ARTIFACT_*, ARCHIVE_*, MAIN_NOT_FOUND, RUNTIME_*, DEPENDENCY_INSTALL_*, DISK_FULL, or the
   * signal's reason; then, and when the reader goes away, nothing is left.
   */
  async *prepare(
    request: PrepareRequest,
    context: PrepareContext,
  ): AsyncGenerator<PrepareEvent, void, undefined> {
    const key = `${request.deploymentId}/${request.version}`;
    while (this.#preparing.has(key)) await this.#preparing.get(key);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#preparing.set(key, promise);
    try {
      yield* this.#prepare(request, context);
    } catch (error) {
      throw isDiskFull(error) ? diskFull(this.#deps.dataDir, {}, error) : error;
    } finally {
      this.#preparing.delete(key);
      resolve();
    }
  }

  async *#prepare(
    request: PrepareRequest,
    context: PrepareContext,
  ): AsyncGenerator<PrepareEvent, void, undefined> {
    const { nowMs, log } = this.#deps;
    const { deploymentId, version } = request;
    const startedAt = nowMs();
    const durationMs = (): number => Math.round(nowMs() - startedAt);
    if (await this.#findExisting(request, context.runAs)) {
      yield { type: 'prepared', version, existing: true, durationMs: durationMs() };
      return;
    }
    const directory = await this.#makeDirectory(request, context.runAs);
    let finished = false;
    try {
      const tools = yield* this.#fill(request, directory, context);
      yield this.#phase('seal');
      await this.#seal(request, directory, { runAs: context.runAs, tools });
      finished = true;
    } finally {
      if (!finished) await removeTree(directory, context.runAs);
    }
    log.info({ app: deploymentId, release: version, durationMs: durationMs() }, 'release prepared');
    yield { type: 'prepared', version, existing: false, durationMs: durationMs() };
  }

  /** Returns the exact versions for the marker: what an instance starts with later is what was installed now. */
  async *#fill(
    request: PrepareRequest,
    directory: string,
    context: PrepareContext,
  ): AsyncGenerator<PrepareEvent, Tools, undefined> {
    const { artifacts, runtimes } = this.#deps;
    const { manifest, sha256, sizeBytes } = request;
    const { runAs, signal } = context;
    yield this.#phase('verify');
    const archive = await artifacts.verified(sha256, sizeBytes, signal);
    yield this.#phase('extract');
    await extractArchive({ archive, directory, signal });
    await assertLayout(manifest, directory);
    await writeManifest(directory, manifest);
    yield this.#phase('runtime');
    const runtime = await runtimes.ensureRuntime(manifest, signal);
    yield this.#phase('install');
    await handToApp(directory, runAs);
    const installing = installDependencies(runtimes, { manifest, directory, runAs, runtime, signal });
    for await (const line of installing) yield { type: 'output', ...line };
    signal.throwIfAborted();
    return runtime === null || runtime.installedVersion === null
      ? {}
      : { [runtime.tool]: runtime.installedVersion };
  }

  /** Everything on the disk, the marker, the name, the row: in this order, each synced before the next. */
  async #seal(
    request: PrepareRequest,
    directory: string,
    { runAs, tools }: { runAs: RunAs | null; tools: Tools },
  ): Promise<void> {
    const { deploymentId, version, sha256, manifest } = request;
    // Its top is the daemon's again while the daemon writes there: the app cannot put a link in the way.
    await takeBack(directory, runAs);
    await writeManifest(directory, manifest);
    // One syncfs(2) instead of an fsync(2) for each of thousands of files.
    await runHelper(['/bin/sync', '--file-system', directory], releaseLimits.syncTimeoutMs);
    const marker: ReleaseMarker = {
      schema: 1,
      version,
      sha256,
      manifestSha256: manifestDigest(manifest),
      preparedAt: this.#deps.nowMs(),
      tools,
    };
    await writeMarker(directory, marker);
    await syncDirectory(directory);
    if (runAs !== null) await chown(directory, runAs.uid, runAs.gid);
    await rename(directory, this.#layout.releaseDir(deploymentId, version));
    await syncDirectory(path.dirname(directory));
    this.#putRow(request);
  }

  /** `.{version}.{random}`, closed to everybody else until it is handed over. */
  async #makeDirectory({ deploymentId, version }: PrepareRequest, runAs: RunAs | null): Promise<string> {
    const releases = this.#layout.releasesDir(deploymentId);
    await mkdir(releases, { recursive: true });
    await chmod(this.#layout.root, 0o711);
    await chmod(this.#layout.appDir(deploymentId), 0o750);
    // The app's group may pass, other apps may not.
    if (runAs !== null) await chown(this.#layout.appDir(deploymentId), -1, runAs.gid);
    await chmod(releases, 0o755);
    const directory = path.join(releases, `.${version}.${randomBytes(6).toString('hex')}`);
    await mkdir(directory, { mode: 0o700 });
    return directory;
  }

  /** True when the same release is there; throws RELEASE_DIFFERS for another of that version. */
  async #findExisting(request: PrepareRequest, runAs: RunAs | null): Promise<boolean> {
    const { deploymentId, version, sha256, manifest } = request;
    const directory = this.#layout.releaseDir(deploymentId, version);
    const row = this.#deps.store.releases.get(deploymentId, version);
    const marker = await readMarker(directory);
    const isThere = row !== undefined ? await isDirectory(directory) : marker !== null;
    if (!isThere) {
      await removeTree(directory, runAs);
      return false;
    }
    const known =
      row === undefined ? marker : { sha256: row.sha256, manifestSha256: manifestDigest(row.manifest) };
    const manifestSha256 = manifestDigest(manifest);
    if (known?.sha256 === sha256 && known.manifestSha256 === manifestSha256) {
      if (row === undefined) this.#putRow(request);
      return true;
    }
    if (row === undefined) {
      // Complete, but nobody was ever told of it: no reason to refuse the new one.
      await removeTree(directory, runAs);
      return false;
    }
    throw releaseDiffers(request, row, manifestSha256);
  }

  #putRow({ deploymentId, version, sha256, manifest }: PrepareRequest): void {
    const record: ReleaseRecord = {
      deploymentId,
      version,
      sha256,
      manifest,
      state: 'prepared',
      preparedAt: this.#deps.nowMs(),
      deployedAt: null,
    };
    this.#deps.store.releases.put(record);
  }

  #phase(phase: PreparePhase): PrepareEvent {
    return { type: 'phase', phase, at: this.#deps.nowMs() };
  }
}

function releaseDiffers(
  { deploymentId, version, sha256 }: PrepareRequest,
  row: ReleaseRecord,
  manifestSha256: string,
): TakoError {
  const what = row.sha256 === sha256 ? 'another manifest (app.json)' : 'another artifact';
  return new TakoError(
    'RELEASE_DIFFERS',
    `The server has a release ${version} of ${deploymentId} with ${what}.`,
    {
      hint: 'Deploy it under another version: `tako deploy` appends the first 8 digits of the manifest’s hash.',
      details: {
        deploymentId,
        version,
        sha256: row.sha256,
        manifestSha256: manifestDigest(row.manifest),
        offeredManifestSha256: manifestSha256,
      },
    },
  );
}
