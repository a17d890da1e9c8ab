// Which servers a command on certificates means: those of the project's environment, or of this machine's inventory.
import { findServer, TakoError, type Server } from '@tako/config';
import { inventoryFile } from '../app/local-files.ts';
import { findProject } from '../app/project.ts';
import { readInventory } from '../servers/inventory.ts';
import { appTarget, type AppFlagValues } from './app-services.ts';
import type { CliContext } from './cli-context.ts';

export interface CertificateServers {
  readonly servers: readonly Server[];
  /** As in tako.toml; none outside of a project. */
  readonly projectRoutes: readonly string[];
}

/** Errors: as `resolveAppTarget`; SERVERS_NOT_CHOSEN outside of a project. */
export async function certificateServers(
  cli: CliContext,
  flags: AppFlagValues,
  whenSeveral: 'all' | 'error',
): Promise<CertificateServers> {
  const project =
    flags.app === undefined ? await findProject(cli.environment.cwd, flags.config ?? null) : null;
  if (flags.app !== undefined || project !== null) {
    const target = await appTarget(cli, flags, whenSeveral);
    return {
      servers: target.servers,
      projectRoutes: project?.project.resolved[target.env]?.routes.map(({ text }) => text) ?? [],
    };
  }
  const inventory = await readInventory(inventoryFile(cli.environment.takoHome));
  const names = [...new Set(flags.server ?? [])];
  const servers =
    names.length > 0 ? names.map((name) => findServer(inventory, name)) : [...inventory.servers];
  if (servers.length === 0) {
    throw new TakoError('SERVERS_NOT_CHOSEN', 'no server is known on this machine', {
      hint: 'Add one first: tako servers add user@host',
    });
  }
  if (servers.length > 1 && names.length === 0 && whenSeveral === 'error') {
    throw new TakoError('SERVERS_NOT_CHOSEN', 'several servers are known, and nothing says which ones', {
      hint: `Name them: ${servers.map(({ name }) => `--server ${name}`).join(' ')}`,
    });
  }
  return { servers, projectRoutes: [] };
}
