// Makes a server known on this machine: read from what was typed, asked who it is, written into the inventory. Shared by
// `servers add` and by the first deploy of somebody who has none yet.
import type { ServerSource } from '@tako/config';
import { inventoryFile } from '../app/local-files.ts';
import { sessionOpener } from '../cli/app-services.ts';
import type { CliContext } from '../cli/cli-context.ts';
import { readSshSettings } from '../ssh/ssh-settings.ts';
import { addToInventory } from './inventory.ts';
import { asServer, checkNewServer, parseServerTarget, type ServerOptions } from './new-server.ts';

/** Errors: USAGE_INVALID, INVENTORY_INVALID, those of the way to the server. */
export async function addServer(
  cli: CliContext,
  typed: string,
  options: ServerOptions & { readonly check: boolean },
): Promise<ServerSource> {
  const source = await withUserOfSsh(cli, parseServerTarget(typed, options));
  const server = asServer(source);
  const open = sessionOpener(cli, [server]);
  const machine = options.check
    ? await cli.task.run(
        'Connect',
        (task) => checkNewServer((signal) => open(server, signal), cli.interruption.first, task),
        { server: server.name },
      )
    : null;
  const added = { ...source, ...machine };
  await addToInventory(inventoryFile(cli.environment.takoHome), added);
  return added;
}

/** An alias whose `User` stands in ssh_config is meant with that user, not with Tako's default. */
async function withUserOfSsh(cli: CliContext, source: ServerSource): Promise<ServerSource> {
  const { environment, interruption } = cli;
  if (source.user !== undefined || source.host.startsWith('unix:')) return source;
  const settings = await readSshSettings(source.host, {
    env: environment.variables,
    configFile: environment.sshConfigFile,
    signal: interruption.first,
  });
  // Without one ssh takes the name of the person here, which says nothing of the server.
  if (settings === null || settings.user === environment.user) return source;
  return { ...source, user: settings.user };
}
