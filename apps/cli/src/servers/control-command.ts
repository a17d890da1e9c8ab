// What `servers reload` and `servers restart` share: one or all servers of the inventory, one after the other, so that a
// failure leaves the rest as they are.
import { findServer, type Server } from '@tako/config';
import type { ServerIdentity } from '@tako/protocol';
import { inventoryFile } from '../app/local-files.ts';
import { sessionOpener } from '../cli/app-services.ts';
import type { CliContext } from '../cli/cli-context.ts';
import type { ControlContext } from './control-server.ts';
import { readInventory } from './inventory.ts';
import type { ServerSession } from './session.ts';

export interface ControlledServer {
  readonly server: string;
  readonly pid: number;
  readonly version: string;
}

/** Errors: SERVER_UNKNOWN. */
export async function namedServers(cli: CliContext, names: readonly string[]): Promise<Server[]> {
  const inventory = await readInventory(inventoryFile(cli.environment.takoHome));
  return [...new Set(names)].map((name) => findServer(inventory, name));
}

export async function controlServers(
  cli: CliContext,
  servers: readonly Server[],
  work: {
    title: string;
    run: (session: ServerSession, context: ControlContext) => Promise<ServerIdentity>;
  },
): Promise<ControlledServer[]> {
  const open = sessionOpener(cli, servers);
  const signal = cli.interruption.first;
  const done: ControlledServer[] = [];
  for (const server of servers) {
    const { pid, version } = await cli.task.run(
      work.title,
      async (task) => {
        await using session = await open(server, signal);
        const now = await work.run(session, { env: cli.environment.variables, signal, task });
        task.conclude(`pid ${now.pid}, version ${now.version}`);
        return now;
      },
      { server: server.name },
    );
    done.push({ server: server.name, pid, version });
  }
  return done;
}
