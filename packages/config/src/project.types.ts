// What `tako.toml` means once it is parsed: frozen values, defaults and overrides applied. Types only.
import type { Manifest } from './manifest.ts';
import type { PackageManager, Runtime } from './policy-fields.ts';
import type { Route } from './route.ts';

export interface BuildSettings {
  /** null: the `build` script of package.json, where there is one; '' switches it off. */
  readonly run: string | null;
  /** null: the package manager's frozen install; '' switches it off. */
  readonly install: string | null;
  /** Relative to the app's directory; null: the app's directory. */
  readonly cwd: string | null;
  /** Patterns relative to the app's directory; none: everything. */
  readonly include: readonly string[];
  readonly exclude: readonly string[];
}

export interface BuildStage {
  readonly name: string | null;
  /** Relative to the app's directory, and may lead out of it; whoever runs it checks it against the workspace root. */
  readonly cwd: string | null;
  readonly install: string | null;
  readonly run: string;
  readonly exclude: readonly string[];
}

export interface StreamSettings {
  readonly name: string;
  readonly protocol: 'tcp' | 'udp';
  /** null: every address. */
  readonly host: string | null;
  readonly port: number;
  /** The instance's own port comes in this variable: `PORT_<NAME>`. */
  readonly portVariable: string;
}

/** One environment of a project, complete. `null` leaves a choice to detection from the source tree. */
export interface ResolvedEnvironment {
  readonly app: string;
  readonly env: string;
  readonly deploymentId: string;
  readonly runtime: Runtime | null;
  readonly runtimeVersion: string | null;
  readonly packageManager: PackageManager | null;
  readonly preset: string | null;
  /** As written, else the preset's; null: package.json `main`, then the usual places. */
  readonly main: string | null;
  readonly start: readonly string[] | null;
  /** As written, else the preset's; null: `sdk` when the SDK is a dependency, else `http`. */
  readonly readiness: 'sdk' | 'http' | null;
  /** null: by readiness, see `defaultHealthPath`. */
  readonly healthPath: string | null;
  /** Relative to the app's directory, later wins; as written, else the preset's. */
  readonly assets: readonly string[];
  readonly releaseCommand: string | null;
  readonly instances: number;
  readonly build: BuildSettings;
  /** Not empty: they run instead of `build.run`. */
  readonly buildStages: readonly BuildStage[];
  /** The preset's under `[vars]` under `[vars.<env>]` and `[envs.<env>.vars]`; runtime defaults and Tako's own are not in here. */
  readonly vars: Readonly<Record<string, string>>;
  readonly health: Manifest['health'];
  readonly rollout: Manifest['rollout'];
  readonly limits: Manifest['limits'];
  readonly cache: Manifest['cache'];
  readonly upstreamProtocol: Manifest['upstream_protocol'];
  readonly affinity: Manifest['affinity'];
  readonly streamIdleS: number;
  readonly secretsExpose: Manifest['secrets_expose'];
  readonly streams: readonly StreamSettings[];
  readonly processes: Manifest['processes'];
  /** At least one; in `development` `{app}.tako.local` when none is written. */
  readonly routes: readonly Route[];
  /** Names in the inventory, as written; not checked against it here. */
  readonly servers: readonly string[];
  readonly idleTimeoutS: number;
  readonly httpsRedirect: boolean;
  readonly hsts: boolean;
}

export interface Project {
  /** As given by the caller: for messages, and the file to write back to. */
  readonly file: string;
  readonly name: string;
  /** Environments written in the file, in its order; `development` is known even when it is not among them. */
  readonly environments: readonly string[];
  readonly resolved: Readonly<Record<string, ResolvedEnvironment>>;
}
