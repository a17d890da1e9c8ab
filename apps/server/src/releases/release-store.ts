// The releases of this server on disk and in the rows: what is there, what `current` points to, what goes. Making one
// is release-preparer.ts's.
import { randomBytes } from 'node:crypto';
import { lstat, readFile, readlink, rename, rm, symlink } from 'node:fs/promises';
import path from 'node:path';
import { manifestDigest, parseManifest } from '@tako/config';
import type { DeploymentRecord, ReleaseRecord, Store } from '@tako/store';
import type { RunAs } from '@tako/supervisor';
import { errorCode, namesIn, syncDirectory } from '../files/durable-file.ts';
import type { Log } from '../log.ts';
import { type AppLayout, createAppLayout } from './app-layout.ts';
import { releasesToPrune } from './prune-plan.ts';
import { readMarker } from './release-marker.ts';
import { removeTree } from './remove-tree.ts';

export interface ReleaseStoreDeps {
  readonly dataDir: string;
  readonly store: Pick<Store, 'deployments' | 'releases'>;
  readonly nowMs: () => number;
  readonly log: Log;
  readonly runAs: (deploymentId: string) => RunAs | null;
  /** Versions that instances of a deployment run at the moment. */
  readonly inUse: (deploymentId: string) => ReadonlySet<string>;
  readonly artifacts: { sweep(referenced: ReadonlySet<string>): Promise<unknown> };
}

export interface SweepReport {
  /** Half-made or half-removed directories that went, relative to the data directory. */
  readonly removed: readonly string[];
  /** Complete releases that had no row and got one: the crash came between the two. */
  readonly recovered: readonly string[];
}

const deletedPrefix = '.deleted.';

export class ReleaseStore {
  readonly #deps: ReleaseStoreDeps;
  readonly #layout: AppLayout;

  constructor(deps: ReleaseStoreDeps) {
    this.#deps = deps;
    this.#layout = createAppLayout(deps.dataDir);
  }

  releaseDir(deploymentId: string, version: string): string {
    return this.#layout.releaseDir(deploymentId, version);
  }

  /** Points `current` at the release, by one rename. */
  async link(deploymentId: string, version: string): Promise<void> {
    const link = this.#layout.currentLink(deploymentId);
    const target = path.join('releases', path.basename(this.#layout.releaseDir(deploymentId, version)));
    const temporary = `${link}.${randomBytes(6).toString('hex')}`;
    await symlink(target, temporary);
    try {
      await rename(temporary, link);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
    await syncDirectory(path.dirname(link));
  }

  /** A failure is logged, not thrown: a clean-up never makes a deploy fail. Returns the versions that went. */
  async prune(deploymentId: string): Promise<string[]> {
    const { store, nowMs, log, inUse, artifacts } = this.#deps;
    const removed: string[] = [];
    try {
      const record = store.deployments.get(deploymentId);
      const kept = new Set([...inUse(deploymentId), ...versionsOf(record)]);
      for (const release of releasesToPrune({
        releases: store.releases.list(deploymentId),
        kept,
        nowMs: nowMs(),
      })) {
        await this.#removeRelease(release);
        removed.push(release.version);
      }
      await artifacts.sweep(this.#referencedArtifacts());
    } catch (error) {
      log.warn({ err: error, app: deploymentId }, 'old releases could not be removed');
    }
    return removed;
  }

  /** At boot, before anything starts: removes what is half-made, gives rows to what is complete. */
  async sweep(): Promise<SweepReport> {
    const removed: string[] = [];
    const recovered: string[] = [];
    for (const name of await namesIn(this.#layout.root)) {
      if (name.startsWith(deletedPrefix)) {
        // Its uid is forgotten with it: what the app's user made goes as the daemon.
        await this.#remove(path.join(this.#layout.root, name), null, removed);
        continue;
      }
      const directory = path.join(this.#layout.root, name, 'releases');
      for (const version of await namesIn(directory).catch(() => [])) {
        const kind = await this.#classify(name, version, path.join(directory, version));
        if (kind === 'halfMade')
          await this.#remove(path.join(directory, version), this.#deps.runAs(name), removed);
        if (kind === 'recovered') recovered.push(`${name}/${version}`);
      }
      await this.#sweepLinks(path.join(this.#layout.root, name));
      // Also of apps that were prepared for and never deployed: nothing else ever prunes those.
      await this.prune(name);
    }
    return { removed, recovered };
  }

  /** At boot: `current` follows the row. */
  async reconcile(record: DeploymentRecord): Promise<void> {
    if (record.currentVersion === null) {
      await rm(this.#layout.currentLink(record.id), { force: true });
      return;
    }
    const target = await this.#linkTarget(record.id);
    if (target !== path.join('releases', record.currentVersion))
      await this.link(record.id, record.currentVersion);
  }

  /** `node/26.1.0`…: the runtimes that releases on this server were prepared with. */
  async toolsInUse(): Promise<ReadonlySet<string>> {
    const used = new Set<string>();
    for (const name of await namesIn(this.#layout.root)) {
      const directory = path.join(this.#layout.root, name, 'releases');
      for (const version of await namesIn(directory).catch(() => [])) {
        const marker = await readMarker(path.join(directory, version));
        for (const [tool, exact] of Object.entries(marker?.tools ?? {})) used.add(`${tool}/${exact}`);
      }
    }
    return used;
  }

  /** Everything of a deployment, its data included. First out of sight by a rename, so that a crash leaves nothing of it. */
  async remove(deploymentId: string): Promise<void> {
    const aside = path.join(
      this.#layout.root,
      `${deletedPrefix}${deploymentId}.${randomBytes(6).toString('hex')}`,
    );
    try {
      await rename(this.#layout.appDir(deploymentId), aside);
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return;
      throw error;
    }
    await syncDirectory(this.#layout.root);
    await removeTree(aside, this.#deps.runAs(deploymentId));
    await this.#deps.artifacts.sweep(this.#referencedArtifacts());
  }

  async #removeRelease({ deploymentId, version }: ReleaseRecord): Promise<void> {
    const directory = this.#layout.releaseDir(deploymentId, version);
    // Its marker no longer says its name: whatever happens from here on, the next sweep knows it is no release.
    const aside = path.join(path.dirname(directory), `.${version}.${randomBytes(6).toString('hex')}`);
    try {
      await rename(directory, aside);
    } catch (error) {
      if (errorCode(error) !== 'ENOENT') throw error;
    }
    this.#deps.store.releases.delete(deploymentId, version);
    await removeTree(aside, this.#deps.runAs(deploymentId));
    this.#deps.log.info({ app: deploymentId, release: version }, 'old release removed');
  }

  /** A row is written only after the directory got its name, and a marker only before: either proves it whole. */
  async #classify(
    deploymentId: string,
    version: string,
    directory: string,
  ): Promise<'complete' | 'halfMade' | 'recovered'> {
    if (this.#deps.store.releases.get(deploymentId, version) !== undefined) return 'complete';
    const marker = await readMarker(directory);
    if (marker === null) return 'halfMade';
    try {
      const manifest = parseManifest(await readFile(path.join(directory, 'app.json'), 'utf8'));
      if (manifestDigest(manifest) !== marker.manifestSha256 || manifest.version !== version)
        return 'halfMade';
      const { sha256, preparedAt } = marker;
      this.#deps.store.releases.put({
        deploymentId,
        version,
        sha256,
        manifest,
        state: 'prepared',
        preparedAt,
        deployedAt: null,
      });
      return 'recovered';
    } catch (error) {
      this.#deps.log.warn(
        { err: error, app: deploymentId, release: version },
        'release without a usable manifest removed',
      );
      return 'halfMade';
    }
  }

  async #remove(directory: string, runAs: RunAs | null, removed: string[]): Promise<void> {
    try {
      await removeTree(directory, runAs);
      removed.push(path.relative(this.#deps.dataDir, directory));
    } catch (error) {
      this.#deps.log.warn({ err: error, directory }, 'half-made release could not be removed');
    }
  }

  /** `current.{random}` of a crash in `link`. */
  async #sweepLinks(appDir: string): Promise<void> {
    for (const name of await namesIn(appDir).catch(() => [])) {
      if (!/^current\.[0-9a-f]{12}$/.test(name)) continue;
      const file = path.join(appDir, name);
      if ((await lstat(file)).isSymbolicLink()) await rm(file, { force: true });
    }
  }

  async #linkTarget(deploymentId: string): Promise<string | null> {
    try {
      return await readlink(this.#layout.currentLink(deploymentId));
    } catch (error) {
      if (errorCode(error) === 'ENOENT' || errorCode(error) === 'EINVAL') return null;
      throw error;
    }
  }

  #referencedArtifacts(): ReadonlySet<string> {
    return new Set(this.#deps.store.releases.artifacts());
  }
}

function versionsOf(record: DeploymentRecord | undefined): string[] {
  return [record?.currentVersion, record?.previousVersion].filter(
    (version): version is string => typeof version === 'string',
  );
}
