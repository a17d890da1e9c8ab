// `runtimes/{tool}/{version}`: fetched, verified, extracted beside, renamed. Once, however many ask at the same time.
import { randomBytes } from 'node:crypto';
import { chmod, mkdir, rename, rm, stat, utimes } from 'node:fs/promises';
import path from 'node:path';
import { TakoError, isTakoError } from '@tako/config';
import { errorCode, errorMessage, namesIn, syncDirectory } from '../files/durable-file.ts';
import type { Log } from '../log.ts';
import { runHelper } from '../programs/run-helper.ts';
import { extractArchive } from '../releases/archive.ts';
import { releaseLimits } from '../releases/limits.ts';
import { takeInstallLock } from './install-lock.ts';
import { runtimeLimits } from './limits.ts';
import type { NpmRegistry, Package } from './npm-registry.ts';
import {
  type Machine,
  type Tool,
  type ToolPackage,
  defaultRanges,
  toolPackage,
  tools,
} from './tool-package.ts';
import { arrangeTool } from './tool-layout.ts';
import { newestMatching } from './version-range.ts';

export interface InstalledTool {
  readonly tool: Tool;
  readonly version: string;
  /** Absolute. */
  readonly program: string;
  readonly kind: ToolPackage['kind'];
  /** Holds the tool under its own name; goes into PATH. */
  readonly binDir: string;
}

export interface ToolInstallerDeps {
  /** `<data-dir>/runtimes` */
  readonly dir: string;
  readonly registry: NpmRegistry;
  readonly machine: Machine;
  readonly nowMs: () => number;
  readonly log: Log;
}

const versionName = /^[0-9A-Za-z][0-9A-Za-z.+-]{0,63}$/;

export class ToolInstaller {
  readonly #deps: ToolInstallerDeps;
  /** By tool and version: everybody who asks meanwhile waits for the same install. */
  readonly #installing = new Map<string, Promise<void>>();

  constructor(deps: ToolInstallerDeps) {
    this.#deps = deps;
  }

  /** The newest fitting version there is in the registry; the newest installed one when the registry is away. */
  async ensure(tool: Tool, range: string | null, signal: AbortSignal): Promise<InstalledTool> {
    const wanted = range ?? defaultRanges[tool];
    const source = toolPackage(tool, wanted, this.#deps.machine);
    const exact = wanted !== null && (await this.#isInstalled(tool, wanted, source)) ? wanted : null;
    const version = exact ?? (await this.#resolve(tool, wanted, source, signal));
    const seconds = this.#deps.nowMs() / 1000;
    await utimes(path.join(this.#deps.dir, tool, version), seconds, seconds);
    return this.#installed(tool, version, source);
  }

  /** Without asking the registry; null when nothing that is there fits. */
  async find(tool: Tool, range: string | null): Promise<InstalledTool | null> {
    const wanted = range ?? defaultRanges[tool];
    const source = toolPackage(tool, wanted, this.#deps.machine);
    const names = (await namesIn(path.join(this.#deps.dir, tool))).filter((name) => versionName.test(name));
    const version = newestMatching(names, wanted);
    if (version === null || !(await this.#isInstalled(tool, version, source))) return null;
    return this.#installed(tool, version, source);
  }

  /**
   * What crashes left (half-made directories, downloads, locks of the dead), and versions that nobody asked for in a
   * long time and that are not `inUse` (`node/26.1.0`). Returns what went.
   */
  async sweep(inUse: ReadonlySet<string>): Promise<string[]> {
    const removed: string[] = [];
    for (const tool of tools) {
      const dir = path.join(this.#deps.dir, tool);
      for (const name of await namesIn(dir)) {
        const key = `${tool}/${name}`;
        if (inUse.has(key) || this.#installing.has(key)) continue;
        const ageMs = this.#deps.nowMs() - (await stat(path.join(dir, name))).mtimeMs;
        const ageMaxMs = name.startsWith('.') ? runtimeLimits.leftoverAgeMaxMs : runtimeLimits.unusedAgeMaxMs;
        if (ageMs <= ageMaxMs) continue;
        await rm(path.join(dir, name), { recursive: true, force: true });
        removed.push(key);
      }
    }
    return removed;
  }

  async #resolve(
    tool: Tool,
    range: string | null,
    source: ToolPackage,
    signal: AbortSignal,
  ): Promise<string> {
    let known: Package;
    try {
      known = await this.#deps.registry.package(source.name, signal);
    } catch (error) {
      const present = await this.find(tool, range);
      if (present === null || !isTakoError(error)) throw error;
      this.#deps.log.warn(
        { tool, version: present.version, reason: error.message },
        'registry could not be asked, installed runtime is used',
      );
      return present.version;
    }
    const version = newestMatching(
      known.versions,
      range === null ? (known.tags['latest'] ?? null) : (known.tags[range] ?? range),
    );
    if (version === null) {
      throw new TakoError(
        'RUNTIME_UNSUPPORTED',
        `There is no ${tool} ${range ?? ''} in the registry (${source.name}).`,
        {
          hint: `Name a version that exists, such as ${known.tags['latest'] ?? 'the latest'}.`,
          details: { tool, range, package: source.name },
        },
      );
    }
    if (!(await this.#isInstalled(tool, version, source)))
      await this.#installOnce(tool, version, { source, known, signal });
    return version;
  }

  async #installOnce(
    tool: Tool,
    version: string,
    request: { source: ToolPackage; known: Package; signal: AbortSignal },
  ): Promise<void> {
    const key = `${tool}/${version}`;
    let installing = this.#installing.get(key);
    if (installing === undefined) {
      // Not under the first caller's signal: others may wait for the same.
      installing = this.#install(tool, version, request).finally(() => this.#installing.delete(key));
      this.#installing.set(key, installing);
    }
    await orAborted(installing, request.signal);
  }

  async #install(
    tool: Tool,
    version: string,
    { source, known }: { source: ToolPackage; known: Package },
  ): Promise<void> {
    const startedAt = this.#deps.nowMs();
    const signal = AbortSignal.timeout(runtimeLimits.installTimeoutMs);
    const dir = path.join(this.#deps.dir, tool);
    await mkdir(dir, { recursive: true });
    await chmod(this.#deps.dir, 0o755);
    await chmod(dir, 0o755);
    try {
      await using _lock = await takeInstallLock(path.join(dir, `.${version}.lock`), signal);
      if (await this.#isInstalled(tool, version, source)) return;
      await this.#fetch(dir, version, { source, known, signal });
    } catch (error) {
      if (isTakoError(error)) throw error;
      throw new TakoError(
        'RUNTIME_INSTALL_FAILED',
        `${tool} ${version} could not be installed: ${errorMessage(error)}.`,
        {
          hint: 'Look at the free space and the permissions of the data directory, then deploy again.',
          details: { tool, version },
          cause: error,
        },
      );
    }
    this.#deps.log.info({ tool, version, durationMs: this.#deps.nowMs() - startedAt }, 'runtime installed');
  }

  async #fetch(
    dir: string,
    version: string,
    request: { source: ToolPackage; known: Package; signal: AbortSignal },
  ): Promise<void> {
    const { source, known, signal } = request;
    const mark = randomBytes(6).toString('hex');
    const tarball = path.join(dir, `.${version}.${mark}.tgz`);
    const temporary = path.join(dir, `.${version}.${mark}`);
    try {
      await this.#deps.registry.download(known.dist(version), tarball, signal);
      await mkdir(temporary, { mode: 0o755 });
      const limits = { ...releaseLimits, unpackedBytesMax: runtimeLimits.unpackedBytesMax };
      await extractArchive({ archive: tarball, directory: temporary, signal, limits });
      await arrangeTool(temporary, path.basename(dir), source);
      await chmod(temporary, 0o755);
      // The name says that it is whole, so the files must be on the disk before it.
      await runHelper(['/bin/sync', '--file-system', temporary], releaseLimits.syncTimeoutMs);
      await rename(temporary, path.join(dir, version)).catch((error: unknown) => {
        // Somebody who does not heed the lock was quicker; theirs is as good.
        if (errorCode(error) !== 'ENOTEMPTY' && errorCode(error) !== 'EEXIST') throw error;
      });
      await syncDirectory(dir);
    } finally {
      await rm(tarball, { force: true });
      await rm(temporary, { recursive: true, force: true });
    }
  }

  async #isInstalled(tool: Tool, version: string, source: ToolPackage): Promise<boolean> {
    if (!versionName.test(version)) return false;
    try {
      return (await stat(this.#installed(tool, version, source).program)).isFile();
    } catch (error) {
      if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') return false;
      throw error;
    }
  }

  #installed(tool: Tool, version: string, source: ToolPackage): InstalledTool {
    const root = path.join(this.#deps.dir, tool, version);
    return {
      tool,
      version,
      kind: source.kind,
      program: path.join(root, 'package', source.program),
      binDir: path.join(root, 'bin'),
    };
  }
}

/** The promise's value, or the signal's reason; the promise goes on for the others. */
function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
    void promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
