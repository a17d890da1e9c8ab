// One environment of a project, complete: the project's keys, under the environment's own, over preset and defaults.
// Reports the rules between keys; shapes are checked before.
import { deploymentId } from './names.ts';
import type { PackageManager, Runtime } from './policy-fields.ts';
import { findPreset } from './presets.ts';
import { projectDefaults } from './project-defaults.ts';
import { resolveRoutes } from './project-routes.ts';
import type { EnvironmentSource, OverridableSource, ProjectSource } from './project-schema.ts';
import { resolveStreams } from './project-streams.ts';
import { resolveVars, type Report } from './project-vars.ts';
import type { BuildSettings, BuildStage, ResolvedEnvironment } from './project.types.ts';
import { parseRuntime } from './runtime-choice.ts';
import { parseSize } from './size.ts';
import { canonicalSubPath } from './sub-path.ts';
import type { TomlPath } from './toml-scanner.ts';

export interface EnvironmentPlace {
  readonly app: string;
  readonly env: string;
  readonly written: Readonly<Record<string, unknown>>;
}

export function resolveEnvironmentSource(
  project: ProjectSource,
  place: EnvironmentPlace,
  report: Report,
): ResolvedEnvironment {
  const { app, env } = place;
  const own: EnvironmentSource = project.envs?.[env] ?? {};
  const keys = mergeOverridable(project, own);
  const preset = findPreset(project.preset ?? null);
  const { runtime, version } = parseRuntime(project.runtime ?? null);
  const settings = resolvePolicies(keys, own);
  const environment: ResolvedEnvironment = {
    app,
    env,
    deploymentId: deploymentId(app, env),
    runtime: runtime satisfies Runtime | null,
    runtimeVersion: version,
    packageManager: (project.package_manager ?? null) satisfies PackageManager | null,
    preset: project.preset ?? null,
    main: keys.main === undefined ? (preset?.main ?? null) : canonicalSubPath(keys.main),
    start: keys.start ?? preset?.start ?? null,
    readiness: keys.readiness ?? preset?.readiness ?? null,
    healthPath: keys.health_path ?? null,
    assets: keys.assets?.map((asset) => canonicalSubPath(asset) ?? asset) ?? preset?.assets ?? [],
    releaseCommand: keys.release_command ?? null,
    instances: keys.instances ?? projectDefaults.instances,
    build: resolveBuild(keys),
    buildStages: resolveStages(keys),
    vars: { ...preset?.vars, ...resolveVars(project, env) },
    ...settings,
    streams: resolveStreams(keys.streams ?? [], pathOf(own, env, 'streams'), report),
    processes: (keys.processes ?? []).map((worker) => ({ instances: 1, schedule: null, ...worker })),
    routes: resolveRoutes(own, place, report),
    servers: own.servers ?? [],
  };
  checkBetweenKeys(environment, own, report);
  return environment;
}

type Policies = Pick<
  ResolvedEnvironment,
  | 'health'
  | 'rollout'
  | 'limits'
  | 'cache'
  | 'upstreamProtocol'
  | 'affinity'
  | 'streamIdleS'
  | 'secretsExpose'
  | 'idleTimeoutS'
  | 'httpsRedirect'
  | 'hsts'
>;

function resolvePolicies(keys: OverridableSource, own: EnvironmentSource): Policies {
  const { body_bytes: bodyBytes, memory, ...otherLimits } = keys.limits ?? {};
  return {
    health: { ...projectDefaults.health, ...keys.health },
    rollout: { ...projectDefaults.rollout, ...keys.rollout },
    limits: {
      ...projectDefaults.limits,
      ...otherLimits,
      body_bytes:
        (bodyBytes === undefined ? null : parseSize(bodyBytes)) ?? projectDefaults.limits.body_bytes,
      memory: memory === undefined ? null : parseSize(memory),
    },
    cache: { ...projectDefaults.cache, ...keys.cache },
    upstreamProtocol: keys.upstream_protocol ?? projectDefaults.upstreamProtocol,
    affinity: keys.affinity ?? projectDefaults.affinity,
    streamIdleS: keys.stream_idle_s ?? projectDefaults.streamIdleS,
    secretsExpose: keys.secrets?.expose ?? projectDefaults.secretsExpose,
    idleTimeoutS: own.idle_timeout_s ?? projectDefaults.idleTimeoutS,
    httpsRedirect: own.https_redirect ?? projectDefaults.httpsRedirect,
    hsts: own.hsts ?? projectDefaults.hsts,
  };
}

/** Tables are merged key by key, lists and values replaced; `build.run` and `build_stages` replace one another. */
function mergeOverridable(project: ProjectSource, own: EnvironmentSource): OverridableSource {
  const merged: OverridableSource = {
    ...project,
    ...own,
    build: { ...project.build, ...own.build },
    health: { ...project.health, ...own.health },
    rollout: { ...project.rollout, ...own.rollout },
    limits: { ...project.limits, ...own.limits },
    cache: { ...project.cache, ...own.cache },
    secrets: { ...project.secrets, ...own.secrets },
  };
  if (own.build_stages !== undefined) {
    const { run: _, ...projectBuild } = project.build ?? {};
    return { ...merged, build: { ...projectBuild, ...own.build } };
  }
  if (own.build?.run !== undefined) return { ...merged, build_stages: [] };
  return merged;
}

function resolveBuild(keys: OverridableSource): BuildSettings {
  const { run, install, cwd, include, exclude } = keys.build ?? {};
  return {
    run: run ?? null,
    install: install ?? null,
    cwd: cwd === undefined ? null : canonicalSubPath(cwd),
    include: include ?? [],
    exclude: exclude ?? [],
  };
}

function resolveStages(keys: OverridableSource): readonly BuildStage[] {
  return (keys.build_stages ?? []).map(({ name, cwd, install, run, exclude }) => ({
    name: name ?? null,
    cwd: cwd ?? null,
    install: install ?? null,
    run,
    exclude: exclude ?? [],
  }));
}

/** Where a key that may stand in both places really stands. */
function pathOf(own: EnvironmentSource, env: string, key: keyof OverridableSource): TomlPath {
  return own[key] === undefined ? [key] : ['envs', env, key];
}

function checkBetweenKeys(environment: ResolvedEnvironment, own: EnvironmentSource, report: Report): void {
  const { env, health, runtime, start, buildStages, build } = environment;
  if (runtime === 'process' && start === null) {
    report(
      ['runtime'],
      'the runtime "process" without "start"',
      'start = ["./program", "argument"] beside it',
    );
  }
  if (health.dead_after < health.unhealthy_after) {
    const path = [...pathOf(own, env, 'health'), 'dead_after'];
    report(path, String(health.dead_after), `at least unhealthy_after (${health.unhealthy_after})`);
  }
  if (buildStages.length > 0 && build.run !== null) {
    report([...pathOf(own, env, 'build'), 'run'], '"run" beside [[build_stages]]', 'one of them');
  }
  reportTwins(environment.processes, pathOf(own, env, 'processes'), report);
  reportTwins(environment.streams, pathOf(own, env, 'streams'), report);
}

function reportTwins(named: readonly { readonly name: string }[], path: TomlPath, report: Report): void {
  for (const [index, { name }] of named.entries()) {
    if (named.findIndex((other) => other.name === name) < index)
      report([...path, index, 'name'], `"${name}" a second time`, 'each name once');
  }
}
