// What commands on an app share beyond TakoCommand: their flags, and the shape of a change on every server.
import type { AppTarget } from '../app/target.ts';
import { changeApp, type AppChange, type ServerEnd } from '../rollout/change-app.ts';
import { switchApp, type AppSwitch } from '../rollout/switch-app.ts';
import { appFlags } from './app-flags.ts';
import { appTarget, changeContext, type AppFlagValues } from './app-services.ts';
import { TakoCommand } from './tako-command.ts';

export abstract class AppCommand extends TakoCommand {
  static override baseFlags = appFlags;

  /** Resolves the target, changes it on each server, prints one line for each. */
  protected async change(
    flags: AppFlagValues,
    make: (target: AppTarget) => Omit<AppChange, 'target'>,
    sentence: (target: AppTarget, ends: readonly ServerEnd[]) => string,
  ): Promise<void> {
    const target = await appTarget(this.cli, flags);
    const change = { ...make(target), target };
    const ends = await changeApp(
      change,
      changeContext(this.cli, target.servers, { command: change.command }),
    );
    this.cli.output.result(
      sentence(target, ends),
      changeJson((this.id ?? '').replaceAll(':', '-'), target, ends),
    );
  }

  /** As `change`, for what is done at once. */
  protected async switch(
    flags: AppFlagValues,
    change: Omit<AppSwitch, 'target'>,
    words: { schema: string; sentence: (target: AppTarget) => string; facts?: Record<string, unknown> },
  ): Promise<void> {
    const target = await appTarget(this.cli, flags);
    const servers = await switchApp(
      { ...change, target },
      changeContext(this.cli, target.servers, { command: change.command }),
    );
    const { deploymentId, app, env } = target;
    this.cli.output.result(words.sentence(target), {
      schema: words.schema,
      ok: true,
      deploymentId,
      app,
      env,
      ...words.facts,
      servers,
    });
  }
}

function changeJson(command: string, target: AppTarget, ends: readonly ServerEnd[]): unknown {
  return {
    schema: `tako.${command}/1`,
    ok: true,
    deploymentId: target.deploymentId,
    app: target.app,
    env: target.env,
    servers: ends.map(({ server, end }) => ({ server, ...endJson(end) })),
  };
}

export function endJson(end: ServerEnd['end']): Record<string, unknown> {
  if (end.type === 'unchanged') return { outcome: 'unchanged', reason: end.reason };
  return {
    outcome: 'deployed',
    rolloutId: end.rolloutId,
    version: end.version,
    instances: end.instances,
    endedStreams: end.endedStreams,
    cutConnections: end.cutConnections,
    durationMs: end.durationMs,
  };
}
