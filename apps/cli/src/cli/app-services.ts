// What app commands need of the world, made from the context: sessions to servers, the target, who holds a lock. The one
// place where flags become requests.
import os from 'node:os';
import type { Server } from '@tako/config';
import type { LockHolder } from '@tako/protocol';
import { inventoryFile } from '../app/local-files.ts';
import {
  resolveAppTarget,
  resolveProjectTarget,
  type AppTarget,
  type ProjectTarget,
  type TargetRequest,
} from '../app/target.ts';
import type { ChangeContext } from '../rollout/change-app.ts';
import { readInventory } from '../servers/inventory.ts';
import { openSession, type ServerSession } from '../servers/session.ts';
import { addressOf } from '../ssh/server-address.ts';
import type { CliContext } from './cli-context.ts';

export interface AppFlagValues {
  readonly config?: string | undefined;
  readonly app?: string | undefined;
  readonly env?: string | undefined;
  readonly server?: readonly string[] | undefined;
}

/** Errors: as `resolveAppTarget`. */
export async function appTarget(
  cli: CliContext,
  flags: AppFlagValues,
  whenSeveral: TargetRequest['whenSeveral'] = 'error',
): Promise<AppTarget> {
  return resolveAppTarget(await targetRequest(cli, flags, whenSeveral));
}

export async function projectTarget(
  cli: CliContext,
  flags: AppFlagValues,
  whenSeveral: TargetRequest['whenSeveral'] = 'error',
): Promise<ProjectTarget> {
  return resolveProjectTarget(await targetRequest(cli, flags, whenSeveral));
}

async function targetRequest(
  cli: CliContext,
  flags: AppFlagValues,
  whenSeveral: TargetRequest['whenSeveral'],
): Promise<TargetRequest> {
  const { environment } = cli;
  return {
    cwd: environment.cwd,
    configFile: flags.config ?? null,
    app: flags.app ?? null,
    env: flags.env ?? null,
    servers: flags.server ?? [],
    inventory: await readInventory(inventoryFile(environment.takoHome)),
    whenSeveral,
  };
}

export type OpenSession = (server: { readonly name: string }, signal: AbortSignal) => Promise<ServerSession>;

/** Opens sessions to servers of a list, by name. */
export function sessionOpener(cli: CliContext, servers: readonly Server[]): OpenSession {
  const { environment, output } = cli;
  return async ({ name }, signal) => {
    const server = servers.find((candidate) => candidate.name === name);
    if (server === undefined) throw new Error(`no such server: ${name}`);
    return openSession(
      addressOf(server, environment.home),
      {
        env: environment.variables,
        sshConfigFile: environment.sshConfigFile,
        tempDirectories: [environment.variables['XDG_RUNTIME_DIR'] ?? '', os.tmpdir(), '/tmp'].filter(
          (directory) => directory !== '',
        ),
        interactive: output.interactive,
        caller: `${environment.user}@${environment.host}`,
        onLeave: (cleanUp) => cli.onLeave(cleanUp),
        lendTerminal: async (work) => {
          output.emit({ type: 'terminal.lent' });
          try {
            await work();
          } finally {
            output.emit({ type: 'terminal.returned' });
          }
        },
      },
      signal,
    );
  };
}

export function lockHolder(cli: CliContext, command: string): LockHolder {
  const { user, host, pid } = cli.environment;
  return { user, host, pid, command };
}

export function changeContext(
  cli: CliContext,
  servers: readonly Server[],
  options: { command: string; waitLockMs?: number },
): ChangeContext {
  return {
    holder: lockHolder(cli, `tako ${options.command}`),
    waitLockMs: options.waitLockMs ?? 0,
    interruption: cli.interruption,
    openSession: sessionOpener(cli, servers),
    task: cli.task,
  };
}
