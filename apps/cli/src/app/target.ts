// Which deployment on which servers a command means: from the project or --app, --env and --server (spec 20). Asks
// nobody; a caller that may ask passes how.
import {
  deploymentId,
  findServer,
  productionEnv,
  requireDeployable,
  resolveEnvironment,
  TakoError,
  type Inventory,
  type ResolvedEnvironment,
  type Server,
} from '@tako/config';
import { findProject, openProject, type OpenProject } from './project.ts';

export interface TargetRequest {
  readonly cwd: string;
  readonly configFile: string | null;
  readonly app: string | null;
  readonly env: string | null;
  readonly servers: readonly string[];
  readonly inventory: Inventory;
  /** What to do when nothing names the servers and several are known. */
  readonly whenSeveral: 'all' | 'error' | ((known: readonly Server[]) => Promise<readonly Server[]>);
}

export interface AppTarget {
  readonly deploymentId: string;
  readonly app: string;
  readonly env: string;
  readonly envWasImplicit: boolean;
  readonly servers: readonly Server[];
  /** `chosen`: nothing named them, so a deploy writes them into the file (spec 10). */
  readonly serversFrom: 'flag' | 'project' | 'chosen';
}

export interface ProjectTarget extends AppTarget {
  readonly project: OpenProject;
  readonly environment: ResolvedEnvironment;
}

/** Needs no project when `--app` is given. Errors: CONFIG_NOT_FOUND, ENVIRONMENT_UNKNOWN, SERVER_UNKNOWN, SERVERS_NOT_CHOSEN. */
export async function resolveAppTarget(request: TargetRequest): Promise<AppTarget> {
  const env = request.env ?? productionEnv;
  if (request.app !== null) {
    const project = await findProject(request.cwd, request.configFile).catch(() => null);
    const own = project?.project.name === request.app ? project : null;
    const declared = own?.project.resolved[env]?.servers ?? [];
    return {
      deploymentId: deploymentId(request.app, env),
      app: request.app,
      env,
      envWasImplicit: request.env === null,
      ...(await resolveServers(request, env, declared)),
    };
  }
  return resolveProjectTarget(request);
}

/** Errors: as above, and ENVIRONMENT_NOT_DEPLOYABLE. */
export async function resolveProjectTarget(request: TargetRequest): Promise<ProjectTarget> {
  const project = await openProject(request.cwd, request.configFile);
  const env = request.env ?? productionEnv;
  const environment = resolveEnvironment(project.project, env);
  requireDeployable(environment);
  return {
    project,
    environment,
    deploymentId: environment.deploymentId,
    app: environment.app,
    env,
    envWasImplicit: request.env === null,
    ...(await resolveServers(request, env, environment.servers)),
  };
}

type ChosenServers = Pick<AppTarget, 'servers' | 'serversFrom'>;

async function resolveServers(
  request: TargetRequest,
  env: string,
  declared: readonly string[],
): Promise<ChosenServers> {
  const { inventory } = request;
  if (request.servers.length > 0) {
    const strange = request.servers.find((name) => declared.length > 0 && !declared.includes(name));
    if (strange !== undefined) throw notOfEnvironment(strange, env, declared);
    const names = [...new Set(request.servers)];
    return { servers: names.map((name) => findServer(inventory, name)), serversFrom: 'flag' };
  }
  if (declared.length > 0) {
    return { servers: declared.map((name) => findServer(inventory, name)), serversFrom: 'project' };
  }
  return { servers: await chooseServers(request, env), serversFrom: 'chosen' };
}

/** Spec 10: production without servers uses the one that is known; with several somebody decides. */
async function chooseServers(request: TargetRequest, env: string): Promise<readonly Server[]> {
  const known = request.inventory.servers;
  if (known.length === 0) {
    throw new TakoError('SERVERS_NOT_CHOSEN', 'no server is known on this machine', {
      hint: 'Add one first: tako servers add user@host',
    });
  }
  if (request.whenSeveral === 'all') return known;
  if (known.length === 1 && (env === productionEnv || request.app !== null)) return known;
  if (typeof request.whenSeveral === 'function' && env === productionEnv) return request.whenSeveral(known);
  const names = known.map(({ name }) => name).join(', ');
  throw new TakoError('SERVERS_NOT_CHOSEN', `nothing says which servers "${env}" is on; known: ${names}`, {
    hint: `Write it into tako.toml, [envs.${env}]: servers = ["${known[0]?.name ?? 'name'}"], or name them with --server`,
    details: { env, known: known.map(({ name }) => name) },
  });
}

function notOfEnvironment(name: string, env: string, declared: readonly string[]): TakoError {
  return new TakoError('USAGE_INVALID', `the environment "${env}" is not on the server "${name}"`, {
    hint: `It is on: ${declared.join(', ')}. Add "${name}" to servers of [envs.${env}] to deploy there.`,
  });
}
