// The runtimes and package managers of this server: which one a release means, and where it is. Installs what is
// missing when a release is prepared; a start of an instance asks nobody.
import path from 'node:path';
import { type Manifest, TakoError } from '@tako/config';
import type { Log } from '../log.ts';
import { readMarker } from '../releases/release-marker.ts';
import { findProgram, isProgram } from './find-program.ts';
import { type ResolvedRuntime, type RuntimeCommand, instanceCommand } from './instance-command.ts';
import { readMachine } from './machine.ts';
import { NpmRegistry } from './npm-registry.ts';
import { PackageCache } from './package-cache.ts';
import { ToolInstaller } from './tool-installer.ts';
import type { Machine, Tool } from './tool-package.ts';

export type { RuntimeCommand } from './instance-command.ts';

export interface RuntimeStoreDeps {
  readonly dataDir: string;
  /** The Node that the daemon itself runs on (process.execPath). */
  readonly nodePath: string;
  readonly nodeVersion?: string;
  /** PATH, and where the registry is: NPM_CONFIG_REGISTRY or npm_config_registry. */
  readonly environment: Readonly<Record<string, string>>;
  readonly nowMs: () => number;
  readonly log: Log;
  readonly machine?: Machine;
}

/** A tool ready to run. */
export interface ReadyTool {
  readonly tool: Tool;
  /** null: the host's own, whose version was not asked. */
  readonly version: string | null;
  /** The same for one of ours, which stays beside newer ones; null for the daemon's Node and the host's tools. */
  readonly installedVersion: string | null;
  /** The first words of its command line: the program, or Node and the script. */
  readonly argv: readonly [string, ...string[]];
  /** Absolute path of the program or script. */
  readonly bin: string;
  /** What must be in PATH for it, and for what it starts, to be found. */
  readonly pathDirs: readonly string[];
}

const defaultRegistry = 'https://registry.npmjs.org';

export class RuntimeStore {
  readonly #deps: RuntimeStoreDeps;
  readonly #installer: ToolInstaller;
  readonly #hostDirs: readonly string[];
  /** Of package managers. */
  readonly cache: PackageCache;

  constructor(deps: RuntimeStoreDeps) {
    const { environment, dataDir, nowMs, log } = deps;
    const registry =
      environment['NPM_CONFIG_REGISTRY'] ?? environment['npm_config_registry'] ?? defaultRegistry;
    this.#deps = deps;
    this.#hostDirs = (environment['PATH'] ?? '').split(':').filter((directory) => path.isAbsolute(directory));
    this.cache = new PackageCache(path.join(dataDir, 'runtimes', 'cache'), log);
    this.#installer = new ToolInstaller({
      dir: path.join(dataDir, 'runtimes'),
      registry: new NpmRegistry(registry),
      machine: deps.machine ?? readMachine(),
      nowMs,
      log,
    });
  }

  /** The environment that installs may see: registry and trust. */
  get environment(): Readonly<Record<string, string>> {
    const { PATH: _path, ...rest } = this.#deps.environment;
    return rest;
  }

  /**
   * Installs what is missing. Without a version: the daemon's own Node, the host's bun or npm where there is one,
   * else the newest of the registry. Throws RUNTIME_INSTALL_FAILED, RUNTIME_UNSUPPORTED, DISK_FULL.
   */
  async ensure(tool: Tool, range: string | null, signal: AbortSignal): Promise<ReadyTool> {
    const host = range === null ? await this.#ofHost(tool) : null;
    if (host !== null) return host;
    const installed = await this.#installer.ensure(tool, range, signal);
    return this.#ready(tool, { ...installed, bin: installed.program });
  }

  /** The runtime of a release, installed; null for `process`. The version goes into the release's marker. */
  async ensureRuntime(manifest: Manifest, signal: AbortSignal): Promise<ReadyTool | null> {
    const tool = runtimeTool(manifest);
    return tool === null ? null : this.ensure(tool, manifest.runtime_version, signal);
  }

  /** Throws INSTANCE_START_FAILED, RUNTIME_UNSUPPORTED, RUNTIME_INSTALL_FAILED. Asks the registry only when the runtime is gone. */
  async resolveCommand(manifest: Manifest, releaseDir: string): Promise<RuntimeCommand> {
    return instanceCommand(manifest, releaseDir, await this.#runtimeOf(manifest, releaseDir));
  }

  /** To be called at boot and daily: what crashes left, versions that nobody needs any more, caches that grew too large. */
  async sweep(inUse: ReadonlySet<string>): Promise<void> {
    const removed = await this.#installer.sweep(inUse);
    if (removed.length > 0) this.#deps.log.info({ removed }, 'unused runtimes removed');
    await this.cache.sweep();
  }

  async #runtimeOf(manifest: Manifest, releaseDir: string): Promise<ResolvedRuntime> {
    const tool = runtimeTool(manifest);
    if (tool === null) return { program: null, version: null, pathDirs: [] };
    const recorded = (await readMarker(releaseDir))?.tools[tool] ?? manifest.runtime_version;
    const host = recorded === null ? await this.#ofHost(tool) : null;
    const found = host === null ? await this.#installer.find(tool, recorded) : null;
    const ready =
      host ??
      (found === null ? null : this.#ready(tool, { ...found, bin: found.program })) ??
      (await this.ensure(tool, recorded, new AbortController().signal));
    return { program: ready.bin, version: ready.version, pathDirs: ready.pathDirs };
  }

  #ready(
    tool: Tool,
    found: { version: string; bin: string; kind: 'binary' | 'script'; binDir: string },
  ): ReadyTool {
    const { version, bin, kind, binDir } = found;
    const node = this.#deps.nodePath;
    if (kind === 'binary')
      return { tool, version, installedVersion: version, argv: [bin], bin, pathDirs: [binDir] };
    return {
      tool,
      version,
      installedVersion: version,
      argv: [node, bin],
      bin,
      pathDirs: [binDir, path.dirname(node)],
    };
  }

  async #ofHost(tool: Tool): Promise<ReadyTool | null> {
    if (tool === 'node') return this.#ownNode();
    if (tool !== 'bun' && tool !== 'npm') return null;
    const bin = await findProgram(tool, this.#hostDirs);
    return bin === null
      ? null
      : { tool, version: null, installedVersion: null, argv: [bin], bin, pathDirs: [path.dirname(bin)] };
  }

  /** A single-executable daemon is not called `node`, and scripts would not find it. */
  async #ownNode(): Promise<ReadyTool | null> {
    const { nodePath, nodeVersion } = this.#deps;
    const own = path.basename(nodePath) === 'node' && (await isProgram(nodePath));
    const bin = own ? nodePath : await findProgram('node', this.#hostDirs);
    if (bin === null) return null;
    return {
      tool: 'node',
      installedVersion: null,
      version: own ? (nodeVersion ?? process.versions.node) : null,
      argv: [bin],
      bin,
      pathDirs: [path.dirname(bin)],
    };
  }
}

/** Throws RUNTIME_UNSUPPORTED for what later versions of Tako run. */
function runtimeTool(manifest: Manifest): 'node' | 'bun' | null {
  const { runtime } = manifest;
  if (runtime === 'process') return null;
  if (runtime === 'node' || runtime === 'bun') return runtime;
  throw new TakoError('RUNTIME_UNSUPPORTED', `This version of Tako does not run ${runtime} apps yet.`, {
    hint: 'Use runtime = "process" with `start`: any executable that listens on $PORT runs.',
    details: { runtime },
  });
}
