// What a deploy will do: one plan for the dry run and the real one (spec 20). Reads the project and its sources; touches
// no server.
import { routeUrl, secretsDigest, TakoError } from '@tako/config';
import { planBuild, type BuildPlan, type BuildRequest } from '../build/build.ts';
import type { ProjectTarget } from '../app/target.ts';
import { presetBuild } from '../build/preset-build.ts';
import { presetOutput, thisMachine } from '../build/preset-output.ts';
import type { Task } from '../output/task.ts';
import { openEnvironmentSecrets } from '../secrets/project-secrets.ts';
import { detectApp, type DetectedApp } from './detect-app.ts';

export interface DeployPlanRequest {
  readonly target: ProjectTarget;
  readonly keysDirectory: string;
  readonly env: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

export interface DeployPlan {
  readonly target: ProjectTarget;
  readonly detected: DetectedApp;
  readonly request: BuildRequest;
  readonly build: BuildPlan;
  /** Before a server says that it has this version with another manifest. */
  readonly version: string;
  readonly routes: readonly string[];
  /** null: the project says nothing about secrets, so each server keeps its own. */
  readonly secrets: Readonly<Record<string, string>> | null;
  readonly secretsDigest: string | null;
}

/** Errors: those of the sources, the secrets and the detection. */
export async function planDeploy(request: DeployPlanRequest, task: Task): Promise<DeployPlan> {
  const { target, signal } = request;
  const { environment, project } = target;
  const directory = project.files.directory;
  const secrets = await openEnvironmentSecrets({
    file: project.files.secretsFile,
    keys: { directory: request.keysDirectory, app: target.app, env: target.env },
  });
  const detected = await detectApp(directory, environment);
  requireSupported(target, detected);
  const machine = thisMachine();
  const output = presetOutput(environment, target.servers, machine);
  const buildRequest: BuildRequest = {
    projectDir: directory,
    app: target.app,
    config: {
      ...environment.build,
      run: environment.build.run ?? (await presetBuild(directory, environment.preset)),
      stages: environment.buildStages,
      assets: environment.assets,
      output,
      runtime: detected.runtime,
      runtimeVersion: environment.runtimeVersion,
      packageManager: environment.packageManager,
    },
    main: environment.main,
    needsMain: environment.start === null,
    // Packages with native code are for one platform; else dependencies are installed on the server.
    target: { arch: output.isSelfContained ? `${machine.arch}-${machine.libc}` : 'any' },
    env: request.env,
    signal,
  };
  const build = await planBuild(buildRequest, task);
  return {
    target,
    detected,
    request: buildRequest,
    build,
    version: build.version,
    routes: environment.routes.map((route) => route.text),
    secrets,
    secretsDigest: secrets === null ? null : secretsDigest(secrets),
  };
}

/** What this version of Tako cannot do yet is said before anything runs. */
function requireSupported({ environment }: ProjectTarget, { runtime }: DetectedApp): void {
  if (runtime === 'deno' || runtime === 'go') {
    throw new TakoError('RUNTIME_UNSUPPORTED', `apps of the runtime "${runtime}" cannot be deployed yet`, {
      hint: 'Deploy it as runtime = "process" with start = [...]: any executable works.',
    });
  }
  if (environment.streams.length > 0) {
    throw new TakoError('CONFIG_INVALID', '[[streams]] cannot be deployed by this version of Tako yet', {
      hint: 'Take the [[streams]] tables out of tako.toml.',
    });
  }
}

/** The plan in words, for `--dry-run` and the question before a deploy. */
export function describePlan(plan: DeployPlan): string[] {
  const { target, build, request } = plan;
  const steps = build.steps.steps.map((step) => `            ${step.commandLine}  (in ${step.cwd})`);
  const commit = build.source.git?.commit;
  return [
    `App         ${target.app}, environment ${target.env} (${target.deploymentId})`,
    `Version     ${plan.version}${commit ? `  ${commit.subject}` : ''}`,
    `Sources     ${build.files.length} files of ${build.source.root}${build.source.appDir === '.' ? '' : `, app in ${build.source.appDir}`}`,
    `Runtime     ${request.config.runtime}${request.config.runtimeVersion === null ? '' : ` ${request.config.runtimeVersion}`}, ready by ${plan.detected.readiness}`,
    'Build',
    ...(steps.length === 0 ? ['            nothing to run'] : steps),
    `Packages    ${request.config.output.isSelfContained ? `in the artifact, as built here (${request.target.arch})` : 'installed on each server'}`,
    `Servers     ${target.servers.map(({ name }) => name).join(', ')}`,
    `Routes      ${target.environment.routes.map((route) => routeUrl(route)).join(', ')}`,
    `Instances   ${target.environment.instances} at the first deploy`,
    `Secrets     ${plan.secrets === null ? 'as the servers have them' : Object.keys(plan.secrets).sort().join(', ') || 'none'}`,
    ...(target.environment.releaseCommand === null
      ? []
      : [`Release     ${target.environment.releaseCommand}  (once, on ${target.servers[0]?.name ?? ''})`]),
  ];
}

export function planJson(plan: DeployPlan): Record<string, unknown> {
  const { target, build, request } = plan;
  return {
    deploymentId: target.deploymentId,
    app: target.app,
    env: target.env,
    version: plan.version,
    commit: build.source.git?.commit?.id ?? null,
    dirty: build.source.git?.dirty ?? false,
    files: build.files.length,
    runtime: request.config.runtime,
    readiness: plan.detected.readiness,
    steps: build.steps.steps,
    packages: request.config.output.isSelfContained ? 'artifact' : 'server',
    servers: target.servers.map(({ name }) => name),
    routes: plan.routes,
    instances: target.environment.instances,
    secretNames: plan.secrets === null ? null : Object.keys(plan.secrets).sort(),
    releaseCommand: target.environment.releaseCommand,
  };
}
