// The manifest of a release, from the resolved configuration and the build (spec 10). Pure; never in the archive, so one
// build serves every environment.
import {
  defaultHealthPath,
  parseManifest,
  TakoError,
  type Manifest,
  type ResolvedEnvironment,
  type Runtime,
} from '@tako/config';
import type { Build } from '../build/build.ts';

export interface ManifestFacts {
  readonly environment: ResolvedEnvironment;
  readonly runtime: Runtime;
  readonly readiness: 'sdk' | 'http';
  readonly secretNames: readonly string[];
  readonly build: Build;
  readonly version: string;
  readonly builtAt: Date;
}

const commitMessageCharsMax = 1000;

/** Errors: MANIFEST_INVALID, CONFIG_INVALID when nothing says how to start the app. */
export function createManifest(facts: ManifestFacts): Manifest {
  const { environment, build, readiness } = facts;
  return parseManifest({
    schema: 1,
    app: environment.app,
    env: environment.env,
    version: facts.version,
    runtime: facts.runtime,
    runtime_version: environment.runtimeVersion,
    main: build.main,
    start: environment.start ?? defaultStart(facts),
    readiness,
    health_path: environment.healthPath ?? defaultHealthPath[readiness],
    env_vars: environment.vars,
    secret_names: facts.secretNames,
    secrets_expose: environment.secretsExpose,
    idle_timeout_s: environment.idleTimeoutS,
    instances: environment.instances,
    processes: environment.processes,
    release_command: environment.releaseCommand,
    health: environment.health,
    rollout: environment.rollout,
    limits: environment.limits,
    cache: environment.cache,
    https_redirect: environment.httpsRedirect,
    hsts: environment.hsts,
    upstream_protocol: environment.upstreamProtocol,
    affinity: environment.affinity,
    stream_idle_s: environment.streamIdleS,
    app_dir: build.appDir,
    install_dir: build.installDir,
    package_manager: build.packageManager,
    commit: build.commit?.id ?? null,
    commit_message: build.commit?.subject.slice(0, commitMessageCharsMax) ?? null,
    dirty: build.dirty,
    built_at: facts.builtAt.toISOString(),
  });
}

function defaultStart({ runtime, build }: ManifestFacts): string[] {
  if (build.main === null) {
    throw new TakoError('CONFIG_INVALID', `nothing says how to start a "${runtime}" app`, {
      hint: 'Write it into tako.toml: start = ["./program", "argument"]',
    });
  }
  if (runtime === 'deno') return ['deno', 'run', '--allow-all', build.main];
  return runtime === 'node' || runtime === 'bun' ? [runtime, build.main] : [`./${build.main}`];
}
