import path from 'node:path';
import * as Flags from '@oclif/core/flags';
import {
  canonicalSubPath,
  findPreset,
  isAppName,
  nameRules,
  readRoute,
  routeHint,
  type NewProject,
} from '@tako/config';
import type { CliContext } from '../cli/cli-context.ts';
import { TakoCommand } from '../cli/tako-command.ts';
import { detectProject, exists, type DetectedProject } from '../init/detect-project.ts';
import { installSdk } from '../init/install-sdk.ts';
import { writeProject } from '../init/write-project.ts';
import { askText, askYesNo, confirm } from '../prompt/prompt.ts';

export default class Init extends TakoCommand {
  static override description =
    'Make a tako.toml for the project in this directory: looks at what is there, asks for the rest, and overwrites nothing unasked.';
  static override examples = [
    '<%= config.bin %> init',
    '<%= config.bin %> init --yes --route shop.example.com',
  ];
  static override flags = {
    yes: Flags.boolean({ char: 'y', description: 'Take what was detected, ask nothing.' }),
    name: Flags.string({ description: "The app's name.", helpValue: 'NAME' }),
    main: Flags.string({ description: 'The file that starts it: src/server.js', helpValue: 'FILE' }),
    route: Flags.string({ description: 'Where it will be served: shop.example.com', helpValue: 'ROUTE' }),
    sdk: Flags.boolean({ description: 'Install @tako/sdk into the project.' }),
    force: Flags.boolean({ description: 'Write over a tako.toml that is there.' }),
  };

  override async run(): Promise<void> {
    const { flags } = await this.parse(Init);
    const { cli } = this;
    const directory = cli.environment.cwd;
    const overwrite = await this.mayOverwrite(directory, flags);
    const detected = await detectProject(directory);
    const ask = !flags.yes && cli.output.interactive;
    if (ask) cli.output.say(foundText(detected));
    const project = newProject(detected, await askForRest(cli, detected, { ...flags, ask }));
    const wantsSdk = flags.sdk || (ask && (await asksForSdk(cli, detected)));
    const written = await writeProject({ directory, project, overwrite });
    const { packageManager } = detected;
    if (wantsSdk && packageManager !== null) {
      const { variables: env } = cli.environment;
      await cli.task.run('Install @tako/sdk', (task) =>
        installSdk({ directory, manager: packageManager, env, signal: cli.interruption.first }, task),
      );
    }
    cli.output.say('Next: look at tako.toml, then: tako deploy');
    cli.output.result(`wrote ${written.join(', ')}`, { schema: 'tako.init/1', ok: true, written, project });
  }

  private async mayOverwrite(directory: string, flags: { force: boolean; yes: boolean }): Promise<boolean> {
    if (flags.force) return true;
    const there = await exists(path.join(directory, 'tako.toml'));
    if (!there || flags.yes) return false;
    await confirm(this.cli, {
      message: 'There is a tako.toml already. Write it anew?',
      flag: '--force',
      byDefault: false,
    });
    return true;
  }
}

/** `Found: Next.js…` in words, so that a person sees what the answers come from. */
function foundText(detected: DetectedProject): string {
  const facts = [
    detected.runtime,
    detected.packageManager,
    detected.preset === null ? 'no framework that Tako knows' : `preset ${detected.preset}`,
    detected.usesSdk ? '@tako/sdk' : null,
    detected.hasGit ? 'git' : 'no git (versions will be hashes of the files)',
  ];
  return `Found: ${facts.filter((fact) => fact !== null).join(', ')}`;
}

/** Frameworks that own their server have no use for it at start. */
async function asksForSdk(cli: CliContext, detected: DetectedProject): Promise<boolean> {
  const preset = findPreset(detected.preset);
  const mayUse = detected.hasPackageJson && !detected.usesSdk && preset?.readiness !== 'http';
  if (!mayUse) return false;
  return askYesNo(cli, {
    message: 'Install @tako/sdk? (readiness, secrets, graceful stop; not needed)',
    byDefault: false,
  });
}

interface Asked {
  readonly ask: boolean;
  readonly name?: string | undefined;
  readonly main?: string | undefined;
  readonly route?: string | undefined;
}

interface Chosen {
  readonly name: string;
  readonly main: string | null;
  readonly route: string;
}

async function askForRest(cli: CliContext, detected: DetectedProject, flags: Asked): Promise<Chosen> {
  const name = flags.name ?? (flags.ask ? await askName(cli, detected.name) : detected.name);
  const main = flags.main ?? (await askMain(cli, detected, flags.ask));
  return { name, main, route: await settleRoute(cli, name, flags) };
}

function askName(cli: CliContext, byDefault: string): Promise<string> {
  return askText(cli, {
    message: "The app's name:",
    byDefault,
    flag: '--name',
    check: (text) => isAppName(text) || nameRules.app,
  });
}

/** Not where the framework's build makes what is started. */
async function askMain(cli: CliContext, detected: DetectedProject, ask: boolean): Promise<string | null> {
  const preset = findPreset(detected.preset);
  if (preset !== null && (preset.isSite || preset.standalone !== null || preset.main !== null)) return null;
  if (!ask) return detected.main;
  return askText(cli, {
    message: 'Which file starts it?',
    byDefault: detected.main ?? 'server.js',
    flag: '--main',
    check: (text) => ![null, '.'].includes(canonicalSubPath(text)) || 'A relative path without ".."',
  });
}

async function settleRoute(cli: CliContext, name: string, flags: Asked): Promise<string> {
  const usual = `${name}.example.com`;
  const check = (text: string): true | string => (readRoute(text).kind === 'ok' ? true : routeHint);
  const question = { message: 'Where will it be served?', byDefault: usual, flag: '--route', check };
  const route = flags.route ?? (flags.ask ? await askText(cli, question) : usual);
  if (route === usual && flags.route === undefined) {
    cli.task.warn({
      code: 'ROUTE_INVALID',
      message: `${usual} stands in for the real route`,
      hint: 'Put your own host name into [envs.production] before the first deploy.',
    });
  }
  return route;
}

function newProject(detected: DetectedProject, chosen: Chosen): Omit<NewProject, 'schema'> {
  return {
    name: chosen.name,
    runtime: detected.runtime,
    routes: [chosen.route],
    ...(detected.packageManager === null ? {} : { packageManager: detected.packageManager }),
    ...(detected.preset === null ? {} : { preset: detected.preset }),
    ...(chosen.main === null ? {} : { main: chosen.main }),
  };
}
