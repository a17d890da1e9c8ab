// Runs the checks from the lowest layer up: this machine, the project, each server, the routes. A layer whose ground is
// missing is skipped by name. Knows no flags.
import { parseInventory, localSocketOf, routeUrl, type Inventory, type Server } from '@tako/config';
import { readFile } from 'node:fs/promises';
import { resolveProjectTarget, type ProjectTarget } from '../app/target.ts';
import { readGitTree } from '../build/git.ts';
import { limits } from '../limits.ts';
import type { Task } from '../output/task.ts';
import { runProgram } from '../process/run-program.ts';
import { openEnvironmentSecrets } from '../secrets/project-secrets.ts';
import type { ServerSession } from '../servers/session.ts';
import { readSshSettings } from '../ssh/ssh-settings.ts';
import { checkRoute, resolveName } from './check-route.ts';
import { checkServer } from './check-server.ts';
import { found, foundError, type Finding } from './diagnosis.ts';

export interface DiagnoseRequest {
  readonly cwd: string;
  readonly configFile: string | null;
  readonly env: string | null;
  readonly servers: readonly string[];
  readonly inventoryFile: string;
  readonly keysDirectory: string;
  /** Of this command. */
  readonly version: string;
  readonly sshConfigFile: string | null;
  readonly variables: Readonly<Record<string, string>>;
  readonly openerFor: (
    servers: readonly Server[],
  ) => (server: { readonly name: string }, signal: AbortSignal) => Promise<ServerSession>;
  readonly signal: AbortSignal;
  readonly task: Task;
}

export async function diagnose(request: DiagnoseRequest): Promise<Finding[]> {
  const machine = await request.task.run('This machine', () =>
    Promise.all([checkSsh(request), checkGit(request)]),
  );
  const inventory = await checkInventory(request);
  const project = inventory.value === null ? null : await checkProject(request, inventory.value);
  const target = project?.value ?? null;
  const secrets = target === null ? [] : [await checkSecrets(request, target)];
  const servers = target?.servers ?? inventory.value?.servers ?? [];
  const onServers = await request.task.run('Servers', (task) =>
    checkServers(request, { servers, target, task }),
  );
  const routes = target === null ? [] : await request.task.run('Routes', () => checkRoutes(request, target));
  return [
    ...machine,
    inventory.finding,
    ...(project === null ? [] : [project.finding]),
    ...secrets,
    ...onServers,
    ...routes,
  ];
}

async function checkSsh(request: DiagnoseRequest): Promise<Finding> {
  const place = { layer: 'ssh', subject: 'client' };
  try {
    const result = await runProgram({
      argv: ['ssh', '-V'],
      env: request.variables,
      timeoutMs: limits.gitTimeoutMs,
      outputBytesMax: limits.sshStderrBytesMax,
      signal: request.signal,
    });
    return found(place, 'ok', (result.stderr || result.stdout).trim());
  } catch (error) {
    return foundError(place, error);
  }
}

async function checkGit(request: DiagnoseRequest): Promise<Finding> {
  const place = { layer: 'git', subject: request.cwd };
  const tree = await readGitTree(request.cwd, { env: request.variables, signal: request.signal });
  if (tree === null)
    return found(
      place,
      'warning',
      'no repository, or no git',
      'Versions are then hashes of the files; "git init" gives them commits.',
    );
  if (tree.commit === null)
    return found(place, 'warning', 'no commit yet', 'Commit once, so that versions have a name.');
  return found(
    place,
    'ok',
    `${tree.commit.id.slice(0, 12)} ${tree.commit.subject}${tree.dirty ? ' (with uncommitted changes)' : ''}`,
  );
}

interface Checked<T> {
  readonly finding: Finding;
  readonly value: T | null;
}

async function checkInventory(request: DiagnoseRequest): Promise<Checked<Inventory>> {
  const place = { layer: 'servers', subject: request.inventoryFile };
  try {
    const text = await readFile(request.inventoryFile, 'utf8').catch(() => '');
    const inventory = parseInventory(text, request.inventoryFile);
    if (inventory.servers.length === 0)
      return {
        finding: found(place, 'warning', 'no server is known', 'Add one: tako servers add user@host'),
        value: inventory,
      };
    return {
      finding: found(place, 'ok', inventory.servers.map(({ name }) => name).join(', ')),
      value: inventory,
    };
  } catch (error) {
    return { finding: foundError(place, error), value: null };
  }
}

async function checkProject(request: DiagnoseRequest, inventory: Inventory): Promise<Checked<ProjectTarget>> {
  const place = { layer: 'config', subject: request.configFile ?? 'tako.toml' };
  try {
    const target = await resolveProjectTarget({ ...request, app: null, inventory, whenSeveral: 'all' });
    return {
      finding: found(
        { ...place, subject: target.project.project.file },
        'ok',
        `${target.app}, environment ${target.env}, on ${target.servers.map(({ name }) => name).join(', ')}`,
      ),
      value: target,
    };
  } catch (error) {
    return { finding: foundError(place, error), value: null };
  }
}

async function checkSecrets(request: DiagnoseRequest, target: ProjectTarget): Promise<Finding> {
  const place = { layer: 'secrets', subject: target.env };
  try {
    const secrets = await openEnvironmentSecrets({
      file: target.project.files.secretsFile,
      keys: { directory: request.keysDirectory, app: target.app, env: target.env },
    });
    return found(
      place,
      'ok',
      secrets === null ? 'none in the project' : `${Object.keys(secrets).length} can be opened`,
    );
  } catch (error) {
    return foundError(place, error);
  }
}

async function checkServers(
  request: DiagnoseRequest,
  work: { servers: readonly Server[]; target: ProjectTarget | null; task: Task },
): Promise<Finding[]> {
  const open = request.openerFor(work.servers);
  const findings = await Promise.all(
    work.servers.map((server) =>
      work.task.run(
        'Check',
        () =>
          checkServer(server, {
            open,
            target: work.target,
            version: request.version,
            signal: request.signal,
          }),
        { server: server.name },
      ),
    ),
  );
  return findings.flat();
}

/** Where visitors come in, whatever ports the daemon has behind a firewall or balancer. */
const publicPorts = { http: 80, https: 443 };

async function checkRoutes(request: DiagnoseRequest, target: ProjectTarget): Promise<Finding[]> {
  const addresses = await Promise.all(target.servers.map((server) => addressesOf(request, server)));
  // One that is not known may be the one that DNS leads to.
  const serverAddresses = addresses.includes(null) ? [] : addresses.flatMap((known) => known ?? []);
  const findings = await Promise.all(
    target.environment.routes.map((route) =>
      checkRoute({
        host: route.host,
        url: routeUrl(route),
        serverAddresses,
        ports: publicPorts,
        resolve: resolveName,
      }),
    ),
  );
  return findings.flat();
}

/** null: reached by a socket, over a jump host, or by a name that only ssh knows. */
async function addressesOf(request: DiagnoseRequest, server: Server): Promise<string[] | null> {
  if (localSocketOf(server) !== null) return null;
  const settings = await readSshSettings(server.host, {
    env: request.variables,
    configFile: request.sshConfigFile,
    signal: request.signal,
  }).catch(() => null);
  return resolveName(settings?.hostName ?? server.host).catch(() => null);
}
